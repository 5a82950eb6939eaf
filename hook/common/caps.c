/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities: keep what a stage needs, give up the rest for good. */
#include "hook/common/caps.h"

#include <errno.h>
#include <sys/prctl.h>

static void caps_free_at(cap_t *caps)
{
	if (*caps)
		cap_free(*caps);
}

#define cleanup_caps __attribute__((cleanup(caps_free_at)))

/* CAP_SETPCAP may be missing; then this set is out of reach, and no_new_privs has to do. */
static void limit_bounding_set(const cap_value_t *keep, size_t count)
{
	cap_value_t last = cap_max_bits();

	for (cap_value_t cap = 0; cap < last; cap++) {
		size_t i = 0;

		while (i < count && keep[i] != cap)
			i++;
		if (i == count && cap_drop_bound(cap) < 0)
			return;
	}
}

static int keep_only(const cap_value_t *keep, size_t count, size_t bounding, struct error *err)
{
	cleanup_caps cap_t have = cap_get_proc();
	cleanup_caps cap_t want = cap_init();

	if (!have || !want)
		return error_set(err, errno, "read capabilities");
	for (size_t i = 0; i < count; i++) {
		cap_flag_value_t permitted = CAP_CLEAR;

		if (cap_get_flag(have, keep[i], CAP_PERMITTED, &permitted) < 0)
			return error_set(err, errno, "read capability %d", keep[i]);
		if (permitted != CAP_SET)
			continue;
		if (cap_set_flag(want, CAP_PERMITTED, 1, &keep[i], CAP_SET) < 0 ||
		    cap_set_flag(want, CAP_EFFECTIVE, 1, &keep[i], CAP_SET) < 0)
			return error_set(err, errno, "keep capability %d", keep[i]);
	}
	limit_bounding_set(keep, bounding);
	/* An empty inheritable set empties the ambient one (capabilities(7)). */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || cap_set_proc(want) < 0)
		return error_set(err, errno, "drop capabilities");
	return 0;
}

int caps_keep(const cap_value_t *keep, size_t count, struct error *err)
{
	return keep_only(keep, count, 0, err);
}

int caps_keep_over_exec(const cap_value_t *keep, size_t count, struct error *err)
{
	return keep_only(keep, count, count, err);
}
