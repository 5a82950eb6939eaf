/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process made unmergeable: slowly, and only while there is room. Nothing may cut a mapping in two on the way, a part marked
 * and a part not: mremap refuses (EFAULT) what is two to the kernel. So large mappings are first made separate page by
 * page, as if the program wrote to them, and lose the mark as a whole when little is merged in them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "hook/common/ksm.h"
#include "hook/common/probe.h"
#include "hook/mark/one.h"
#include "hook/mark/process.h"
#include "hook/mark/regions.h"
#include "hook/mark/shim.h"
#include "hook/mark/unmark.h"
#include "oci-config/cleanup.h"

/*
 * Address space that loses the mark in one call. The kernel looks at each page, whether or not it is there: 17 ms a GiB, in
 * which the program cannot map anything; and where much is merged still, it makes that separate on the way.
 */
#define CLEAR_MAX     (4096 * UNMARK_MIB)
#define CLEAR_MERGED  (256 * UNMARK_MIB)
#define AT_ONCE_MAX   (2 * CLEAR_MAX)
#define ADDRESSES_MAX (UINT64_C(2) << 40) /* a process with more of them is left alone */

/* Takes the mark from the ranges. */
static int clear(struct unmark *unmark, uint64_t *merged)
{
	uint64_t before = *merged, begin = unmark_clock(), rest;
	size_t done = 0;
	int rc;

	if (!unmark->count)
		return 0;
	rc = unmark_may_go_on(unmark, before < unmark->bytes ? before : unmark->bytes);
	if (rc == 0)
		rc = unmark_advise(unmark, MADV_UNMERGEABLE, &done);
	if (rc < 0)
		return rc;
	unmark_forget(unmark);
	rest = unmark_clock() - begin;
	/* Half of the time is the program's own. */
	unmark->target->go_on();
	nanosleep(&(struct timespec){(time_t)(rest / 1000000000), (long)(rest % 1000000000)}, NULL);
	if (before) {
		*merged = unmark_merged(unmark, false);
		if (before > *merged)
			unmark_keep_pace(unmark, before - *merged);
	}
	return 0;
}

static int clear_mapping(struct unmark *unmark, const struct inject_range *mapping, bool empty,
			 uint64_t *merged)
{
	uint64_t start = mapping->start, end = mapping->end;
	/* If it had to be at once, much is merged still. */
	bool much = !unmark->contents || unmark->impossible;
	uint64_t most = much ? CLEAR_MERGED : CLEAR_MAX;

	while (start < end) {
		uint64_t len = empty || end - start < most ? end - start : most;
		int rc;

		if (unmark->count == UNMARK_RANGES || (!empty && unmark->bytes + len > most)) {
			rc = clear(unmark, merged);
			if (rc < 0)
				return rc;
		}
		unmark->ranges[unmark->count++] = (struct inject_range){start, start + len};
		unmark->bytes += empty ? 0 : len;
		start += len;
	}
	return 0;
}

/* A mapping that has the mark: rc of `visit` ends it. `empty`: there is nothing in it. */
static int each_marked(struct unmark *unmark,
		       int (*visit)(struct unmark *unmark, const struct inject_range *mapping,
				    bool empty, uint64_t *data),
		       uint64_t *data)
{
	const struct one_target *target = unmark->target;
	cleanup_close int fd = openat(target->dir, "smaps", O_RDONLY | O_CLOEXEC);
	cleanup_file FILE *maps = fd < 0 ? NULL : fdopen(fd, "re");
	struct inject_range mapping = {0};
	bool empty = false;
	char line[512];
	int rc = 0;

	if (!maps)
		return error_set(unmark->err, errno == ENOENT ? ESRCH : errno,
				 "open the regions of process %d", target->pid);
	(void)steal_fd(&fd);
	while (rc == 0 && fgets(line, sizeof(line), maps)) {
		const char *rest = line;

		if (regions_read_range(&rest, &mapping)) {
			target->go_on();
		} else if (!strncmp(line, "Anonymous:", 10)) {
			empty = strtoull(line + 10, NULL, 10) == 0;
		} else if (!strncmp(line, "VmFlags:", 8) && strstr(line, " mg")) {
			unmark->one->changed = true;
			rc = visit(unmark, &mapping, empty, data);
		}
	}
	return rc;
}

static int add_size(struct unmark *unmark, const struct inject_range *mapping, bool empty,
		    uint64_t *size)
{
	(void)unmark;
	*size += empty ? 0 : mapping->end - mapping->start;
	return 0;
}

/* Address space that the kernel would walk through. */
static int count_addresses(struct unmark *unmark, uint64_t *ret)
{
	struct process_stat stat;
	int rc = process_stat(unmark->target->dir, &stat);

	if (rc < 0)
		return error_set(unmark->err, -rc, "process %d", unmark->target->pid);
	*ret = stat.size;
	if (stat.size <= AT_ONCE_MAX)
		return 0;
	*ret = 0;
	rc = each_marked(unmark, add_size, ret);
	if (rc == 0 && *ret > ADDRESSES_MAX)
		rc = error_set(unmark->err, EOVERFLOW, "process %d: too much address space",
			       unmark->target->pid);
	return rc;
}

/* Whoever has marked them. */
static int clear_all(struct unmark *unmark)
{
	uint64_t merged = unmark_merged(unmark, false);
	int rc = each_marked(unmark, clear_mapping, &merged);

	return rc < 0 ? rc : clear(unmark, &merged);
}

/* New mappings do not get the mark any more. */
static int clear_whole(struct unmark *unmark)
{
	const struct one_target *target = unmark->target;
	int on = process_is_merge_any(target->dir);
	struct inject thread = {0};
	struct sweep sweep;
	int rc;

	if (on < 0)
		return error_set(unmark->err, -on, "process %d", target->pid);
	if (!on && !(target->options->features & PROBE_PRCTL))
		return 0;
	rc = unmark_may_go_on(unmark, unmark_merged(unmark, false));
	if (rc == 0)
		rc = one_sweep(target, &sweep, unmark->err);
	if (rc == 0)
		rc = sweep_stop(&sweep, &thread, unmark->err);
	if (rc < 0)
		return rc;
	rc = inject_set_memory_merge(&thread, false, unmark->err);
	/* Else the answer was an error, a filter's: what is not on can stay so. */
	if (rc < 0 && thread.seized)
		rc = on ? -EINVAL : 0;
	inject_end(&thread);
	unmark->one->changed = unmark->one->changed || on;
	unmark->one->whole = on;
	return rc;
}

/* Not known: yes. */
static bool is_marked(const struct one_target *target)
{
	struct ksm_process ksm;

	return ksm_process_read(target->pid, &ksm, NULL) < 0 || ksm.mergeable != 0 ||
	       ksm.merge_any != 0;
}

/* By one call if that takes no time, else mapping by mapping before it. */
static int clear_both(struct unmark *unmark)
{
	uint64_t addresses;
	bool at_once;
	int rc = count_addresses(unmark, &addresses);

	if (rc < 0)
		return rc;
	at_once = addresses <= AT_ONCE_MAX && unmark_merged(unmark, true) < CLEAR_MERGED / 4;
	if (at_once)
		rc = clear_whole(unmark);
	if (rc == 0 && is_marked(unmark->target))
		rc = clear_all(unmark);
	unmark_forget(unmark);
	if (rc == 0 && !at_once)
		rc = clear_whole(unmark);
	return rc;
}

/*
 * Once all have lost the mark: before that, ksmd may have merged a page in the name of one process that fork had shared with
 * this one, which had lost the mark already. Where it cannot be made separate page by page, a mark that comes and goes does
 * it. Where there is no room it stays merged, which is counted.
 */
static int unmark_shared(struct unmark *unmark)
{
	const struct one_target *target = unmark->target;
	uint64_t before = unmark_merged(unmark, true), after;
	struct one one = {0};
	int rc = before ? unmark_separate(unmark, before, 1) : 0;

	unmark_forget(unmark);
	after = before ? unmark_merged(unmark, true) : 0;
	if (rc == 0 && after)
		rc = unmark_may_go_on(unmark, after);
	if (rc == 0 && after) {
		rc = one_mark_memory(target, &one, unmark->err);
		if (rc == 0)
			rc = clear_both(unmark);
		after = unmark_merged(unmark, true);
	}
	if (before > after)
		target->unmerged(before - after);
	return rc == -ENOMEM ? 0 : rc;
}

static int unmark_marked(struct unmark *unmark)
{
	const struct one_target *target = unmark->target;
	uint64_t before = unmark_merged(unmark, !target->again), after;
	int rc = unmark_may_go_on(unmark, before);

	if (rc == 0)
		shim_switch(target->dir, true, !target->alone);
	if (rc == 0 && !target->again)
		rc = unmark_separate(unmark, before, UNMARK_SLICE);
	unmark_forget(unmark);
	if (rc == 0)
		rc = clear_both(unmark);
	after = unmark_merged(unmark, !target->again);
	if (before > after)
		target->unmerged(before - after);
	return rc;
}

static int unmark_once(struct unmark *unmark)
{
	const struct one_target *target = unmark->target;
	struct sweep sweep;
	int rc = one_sweep(target, &sweep, unmark->err);

	if (rc < 0)
		return rc;
	if (!target->again || is_marked(target))
		rc = unmark_marked(unmark);
	if (rc == 0 && target->again)
		rc = unmark_shared(unmark);
	if (rc == -ENOMEM || rc == -ECANCELED)
		shim_switch(target->dir, false, !target->alone);
	return rc;
}

int one_unmark(const struct one_target *target, struct one *ret, struct error *err)
{
	struct contents contents;
	bool tells = contents_init(&contents, NULL) == 0 && contents_tells_merged(&contents);
	struct unmark unmark = {.target = target,
				.contents = tells ? &contents : NULL,
				.begin = unmark_clock(),
				.one = ret,
				.err = err};
	int rc = -EAGAIN;

	for (int i = 0; i < ONE_TRIES && one_may_try(target, i, rc); i++)
		rc = unmark_once(&unmark);
	contents_done(&contents);
	return rc;
}
