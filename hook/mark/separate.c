/* SPDX-License-Identifier: Apache-2.0 */
/* What is merged in one process made separate page by page, as if the program wrote to it: not too fast, and while there is room. */
#include <errno.h>
#include <sys/mman.h>
#include <time.h>

#include "hook/mark/merged.h"
#include "hook/mark/room.h"
#include "hook/mark/unmark.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#define RATE	   (256 * UNMARK_MIB) /* bytes a second */
#define ROUNDS_MAX 3		      /* ksmd merges again meanwhile */

uint64_t unmark_clock(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void unmark_keep_pace(struct unmark *unmark, uint64_t bytes)
{
	uint64_t rate = unmark->target->options->bytes_per_second;
	uint64_t due;

	unmark->total += bytes;
	due = unmark->begin +
	      (uint64_t)((double)unmark->total / (double)(rate ? rate : RATE) * 1e9);
	while (unmark_clock() < due && !unmark->target->must_end()) {
		uint64_t left = due - unmark_clock();

		unmark->target->go_on();
		nanosleep(&(struct timespec){0, (long)(left < 100000000 ? left : 100000000)}, NULL);
	}
	unmark->target->go_on();
}

uint64_t unmark_merged(const struct unmark *unmark, bool exact)
{
	const struct one_target *target = unmark->target;

	return merged_bytes(unmark->contents, exact, target->pid, target->dir, target->go_on);
}

int unmark_may_go_on(const struct unmark *unmark, uint64_t bytes)
{
	if (unmark->target->must_end())
		return error_set(unmark->err, ECANCELED, "interrupted");
	return room_check(unmark->target->pid, bytes, unmark->err);
}

int unmark_advise(const struct unmark *unmark, int advice, size_t *ret_done)
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

void unmark_forget(struct unmark *unmark)
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
	rc = unmark_may_go_on(unmark, unmark->bytes);
	if (rc == 0)
		rc = unmark_advise(unmark, MADV_POPULATE_WRITE, &done);
	if (rc < 0)
		return rc;
	if (!done && !unmark->total)
		unmark->impossible = true;
	unmark_keep_pace(unmark, unmark->bytes);
	unmark_forget(unmark);
	return unmark->impossible ? 1 : 0;
}

static int take_run(const struct inject_range *run, void *data)
{
	struct unmark *unmark = data;
	uint64_t at = run->start;

	while (at < run->end) {
		uint64_t room = UNMARK_SLICE - unmark->bytes, left = run->end - at;
		uint64_t len = left < room ? left : room;

		unmark->ranges[unmark->count++] = (struct inject_range){at, at + len};
		unmark->bytes += len;
		at += len;
		if (unmark->count == UNMARK_RANGES || unmark->bytes >= UNMARK_SLICE) {
			int rc = separate(unmark);

			if (rc)
				return rc;
		}
	}
	return 0;
}

int unmark_separate(struct unmark *unmark, uint64_t merged, uint64_t least)
{
	for (int i = 0; unmark->contents && !unmark->impossible && i < ROUNDS_MAX; i++) {
		int rc;

		if (merged < least)
			break;
		rc = merged_walk(unmark->contents, unmark->target->dir, take_run, unmark,
				 unmark->target->go_on);
		if (rc == 0)
			rc = separate(unmark);
		if (rc < 0)
			return rc;
		merged = unmark_merged(unmark, true);
	}
	return 0;
}
