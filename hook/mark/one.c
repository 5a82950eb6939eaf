/* SPDX-License-Identifier: Apache-2.0 */
/* One process made mergeable. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hook/common/ksm.h"
#include "hook/common/probe.h"
#include "hook/mark/one.h"
#include "hook/mark/process.h"
#include "hook/mark/shim.h"
#include "oci-config/cleanup.h"
#include "oci-config/notify.h"

/* It is asked for once, not twice a second: a busy machine gets its time. */
#define STOP_MS 500
/* What did not stop is let go when it does. */
#define REAP_NS	   50000000
#define REAP_TIMES 40

static bool may_read(int dir)
{
	cleanup_close int fd = openat(dir, "maps", O_RDONLY | O_CLOEXEC);

	return fd >= 0 || errno == ENOENT;
}

/* Those of a process of the container. Whoever else is in its cgroup may have as many, but others. */
static unsigned known_filters(const struct one_target *target, unsigned count)
{
	const struct mark_filters *filters = &target->options->filters;
	struct stat st;

	if (!count || count > filters->count ||
	    fstatat(target->dir, filters->namespace, &st, 0) < 0 || st.st_ino != filters->inode)
		return 0;
	return count;
}

int one_sweep(const struct one_target *target, struct sweep *ret, struct error *err)
{
	const struct mark_options *options = target->options;
	struct process_status status;
	int rc = process_status(target->dir, &status);

	if (rc < 0)
		return error_set(err, -rc, "process %d", target->pid);
	if (status.tracer)
		return error_set(err, EBUSY, "process %d is traced by %d", target->pid,
				 status.tracer);
	/* Only who may read its memory may stop it. */
	if (!may_read(target->dir))
		return error_set(err, EPERM, "process %d", target->pid);
	*ret = (struct sweep){.pid = target->pid,
			      .dir = target->dir,
			      .min_size =
				      options->min_size ? options->min_size : OCFG_NOTIFY_MIN_SIZE,
			      .stop_ms = STOP_MS,
			      .batch = options->features & PROBE_PROCESS_MADVISE,
			      .suspend = options->features & PROBE_SUSPEND_SECCOMP,
			      .filters = known_filters(target, status.filters),
			      .go_on = target->go_on};
	return 0;
}

static bool may_be_whole(const struct mark_options *options)
{
	return options->how != MARK_REGIONS && !options->min_size &&
	       (options->features & PROBE_PROCESS_WIDE) == PROBE_PROCESS_WIDE;
}

int one_mark_memory(const struct one_target *target, struct one *ret, struct error *err)
{
	struct sweep sweep;
	size_t marked = 0;
	int rc = one_sweep(target, &sweep, err);

	if (rc < 0)
		return rc;
	ret->whole = may_be_whole(target->options);
	if (ret->whole) {
		rc = sweep_whole(&sweep, &marked, err);
		ret->changed = marked;
		if (rc != -ENOSYS || target->options->how == MARK_PROCESS)
			return rc;
		ret->whole = false; /* a kernel has it, but not for this one */
	}
	rc = sweep_regions(&sweep, &marked, err);
	ret->changed = ret->changed || marked;
	return rc;
}

bool one_may_try(const struct one_target *target, int times, int rc)
{
	if (rc != -EAGAIN && rc != -EBUSY)
		return false;
	for (int i = 0; times && i < REAP_TIMES; i++) {
		target->go_on();
		nanosleep(&(struct timespec){0, REAP_NS}, NULL);
		if (!inject_reap())
			break;
	}
	return true;
}

int one_mark(const struct one_target *target, struct one *ret, struct error *err)
{
	struct ksm_process ksm;
	int rc = -EAGAIN;

	for (int i = 0; i < ONE_TRIES && one_may_try(target, i, rc); i++) {
		target->go_on();
		rc = one_mark_memory(target, ret, err);
	}
	if (rc == 0)
		shim_switch(target->dir, false, !target->alone);
	if (rc == 0 && ksm_process_read(target->pid, &ksm, NULL) == 0 && ksm.anonymous > 0)
		ret->anonymous = (uint64_t)ksm.anonymous;
	return rc;
}
