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
#include <unistd.h>

#include "hook/common/contents.h"
#include "hook/common/ksm.h"
#include "hook/common/probe.h"
#include "hook/mark/merged.h"
#include "hook/mark/one.h"
#include "hook/mark/process.h"
#include "hook/mark/regions.h"
#include "hook/mark/room.h"
#include "hook/mark/shim.h"
#include "oci-config/cleanup.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#define MIB (UINT64_C(1) << 20)
#define SLICE \
	(16 * MIB) /* between two checks: some 10 ms in which the program cannot map anything */
#define RATE	   (256 * MIB) /* bytes a second */
#define RANGES	   64
#define ROUNDS_MAX 3 /* ksmd merges again meanwhile */
/*
 * Address space that loses the mark in one call. The kernel looks at each page, whether or not it is there: 17 ms a GiB, in
 * which the program cannot map anything; and where much is merged still, it makes that separate on the way.
 */
#define CLEAR_MAX     (4096 * MIB)
#define CLEAR_MERGED  (256 * MIB)
#define AT_ONCE_MAX   (2 * CLEAR_MAX)
#define ADDRESSES_MAX (UINT64_C(2) << 40) /* a process with more of them is left alone */

struct unmark {
	const struct one_target *target;
	const struct contents *contents; /* or NULL */
	struct inject_range ranges[RANGES];
	size_t count;
	uint64_t bytes;	       /* in them */
	uint64_t begin, total; /* since then, so many: for the rate */
	bool impossible;       /* the kernel has no MADV_POPULATE_WRITE */
	struct one *one;
	struct error *err;
};

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Not faster than the rate. */
static void keep_pace(struct unmark *unmark, uint64_t bytes)
{
	uint64_t rate = unmark->target->options->bytes_per_second;
	uint64_t due;

	unmark->total += bytes;
	due = unmark->begin +
	      (uint64_t)((double)unmark->total / (double)(rate ? rate : RATE) * 1e9);
	while (now() < due && !unmark->target->must_end()) {
		uint64_t left = due - now();

		unmark->target->go_on();
		nanosleep(&(struct timespec){0, (long)(left < 100000000 ? left : 100000000)}, NULL);
	}
	unmark->target->go_on();
}

static uint64_t merged_now(const struct unmark *unmark, bool exact)
{
	const struct one_target *target = unmark->target;

	return merged_bytes(unmark->contents, exact, target->pid, target->dir, target->go_on);
}

static int may_go_on(const struct unmark *unmark, uint64_t bytes)
{
	if (unmark->target->must_end())
		return error_set(unmark->err, ECANCELED, "interrupted");
	return room_check(unmark->target->pid, bytes, unmark->err);
}

static int advise(const struct unmark *unmark, int advice, size_t *ret_done)
{
	struct inject thread = {0};
	struct sweep sweep;
	int rc = one_sweep(unmark->target, &sweep, unmark->err);

	if (rc == 0)
		rc = sweep_stop(&sweep, &thread, unmark->err);
	if (rc < 0)
		return rc;
	rc = sweep_madvise(&sweep, &thread, unmark->ranges, unmark->count, advice, ret_done,
			   unmark->err);
	inject_end(&thread);
	return rc;
}

static void forget(struct unmark *unmark)
{
	unmark->count = 0;
	unmark->bytes = 0;
}

static int separate(struct unmark *unmark)
{
	size_t done = 0;
	int rc;

	if (!unmark->count)
		return 0;
	rc = may_go_on(unmark, unmark->bytes);
	if (rc == 0)
		rc = advise(unmark, MADV_POPULATE_WRITE, &done);
	if (rc < 0)
		return rc;
	if (!done && !unmark->total)
		unmark->impossible = true;
	keep_pace(unmark, unmark->bytes);
	forget(unmark);
	return unmark->impossible ? 1 : 0;
}

static int take_run(const struct inject_range *run, void *data)
{
	struct unmark *unmark = data;
	uint64_t at = run->start;

	while (at < run->end) {
		uint64_t room = SLICE - unmark->bytes, left = run->end - at;
		uint64_t len = left < room ? left : room;

		unmark->ranges[unmark->count++] = (struct inject_range){at, at + len};
		unmark->bytes += len;
		at += len;
		if (unmark->count == RANGES || unmark->bytes >= SLICE) {
			int rc = separate(unmark);

			if (rc)
				return rc;
		}
	}
	return 0;
}

/* Makes what is merged separate, as long as that is much. */
static int separate_all(struct unmark *unmark, uint64_t merged)
{
	for (int i = 0; unmark->contents && !unmark->impossible && i < ROUNDS_MAX; i++) {
		int rc;

		if (merged < SLICE)
			break;
		rc = merged_walk(unmark->contents, unmark->target->dir, take_run, unmark,
				 unmark->target->go_on);
		if (rc == 0)
			rc = separate(unmark);
		if (rc < 0)
			return rc;
		merged = merged_now(unmark, true);
	}
	return 0;
}

/* Takes the mark from the ranges. */
static int clear(struct unmark *unmark, uint64_t *merged)
{
	uint64_t before = *merged, begin = now(), rest;
	size_t done = 0;
	int rc;

	if (!unmark->count)
		return 0;
	rc = may_go_on(unmark, before < unmark->bytes ? before : unmark->bytes);
	if (rc == 0)
		rc = advise(unmark, MADV_UNMERGEABLE, &done);
	if (rc < 0)
		return rc;
	forget(unmark);
	rest = now() - begin;
	/* Half of the time is the program's own. */
	unmark->target->go_on();
	nanosleep(&(struct timespec){(time_t)(rest / 1000000000), (long)(rest % 1000000000)}, NULL);
	if (before) {
		*merged = merged_now(unmark, false);
		if (before > *merged)
			keep_pace(unmark, before - *merged);
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

		if (unmark->count == RANGES || (!empty && unmark->bytes + len > most)) {
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
	uint64_t merged = merged_now(unmark, false);
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
	rc = may_go_on(unmark, merged_now(unmark, false));
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
	at_once = addresses <= AT_ONCE_MAX && merged_now(unmark, true) < CLEAR_MERGED / 4;
	if (at_once)
		rc = clear_whole(unmark);
	if (rc == 0 && is_marked(unmark->target))
		rc = clear_all(unmark);
	forget(unmark);
	if (rc == 0 && !at_once)
		rc = clear_whole(unmark);
	return rc;
}

static int unmark_once(struct unmark *unmark)
{
	const struct one_target *target = unmark->target;
	uint64_t before, after;
	struct sweep sweep;
	int rc = one_sweep(target, &sweep, unmark->err);

	if (rc < 0 || (target->again && !is_marked(target)))
		return rc;
	before = merged_now(unmark, !target->again);
	rc = may_go_on(unmark, before);
	if (rc == 0)
		shim_switch(target->dir, true, !target->alone);
	if (rc == 0 && !target->again)
		rc = separate_all(unmark, before);
	forget(unmark);
	if (rc == 0)
		rc = clear_both(unmark);
	after = merged_now(unmark, !target->again);
	if (before > after)
		target->unmerged(before - after);
	if (rc == -ENOMEM || rc == -ECANCELED)
		shim_switch(target->dir, false, !target->alone);
	return rc;
}

int one_unmark(const struct one_target *target, struct one *ret, struct error *err)
{
	struct contents contents;
	bool can_see = contents_init(&contents, NULL) == 0;
	struct unmark unmark = {.target = target,
				.contents = can_see ? &contents : NULL,
				.begin = now(),
				.one = ret,
				.err = err};
	int rc = -EAGAIN;

	for (int i = 0; i < ONE_TRIES && one_may_try(target, i, rc); i++)
		rc = unmark_once(&unmark);
	contents_done(&contents);
	return rc;
}
