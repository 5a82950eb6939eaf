/* SPDX-License-Identifier: Apache-2.0 */
/* madvise for many ranges of a stopped process. */
#include <errno.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "hook/inject/inject.h"
#include "hook/inject/trampoline.h"

/* A process_madvise that takes it needs no descriptor in the target. */
#define PIDFD_SELF (-10000)
#define BATCH_MIN  4 /* writing a range costs less than a call, but not nothing */
#define BATCH_MAX  64

#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif

static int advise_one(struct inject *target, const struct inject_range *range, int advice,
		      size_t *done, struct error *err)
{
	const unsigned long args[6] = {range->start, range->end - range->start,
				       (unsigned long)advice};
	long result;
	int r = inject_call(target, SYS_madvise, args, &result, err);

	if (r == 0 && result == 0)
		++*done;
	return r;
}

/*
 * Some ranges at once. Returns how many of them are dealt with (it stops at the first that will not take it), 0: nothing is to
 * be had this way, or -errno.
 */
static int advise_some(struct inject *target, const struct inject_range *ranges, size_t count,
		       int advice, struct error *err)
{
	struct iovec iov[BATCH_MAX];
	const unsigned long args[6] = {(unsigned long)PIDFD_SELF, target->scratch, count,
				       (unsigned long)advice};
	size_t taken = 0;
	long result;
	int r;

	for (size_t i = 0; i < count; i++)
		iov[i] = (struct iovec){(void *)ranges[i].start, // NOLINT: not of this process
					ranges[i].end - ranges[i].start};
	if (trampoline_poke(target->tid, target->scratch, iov, count * sizeof(*iov)) < 0)
		return 0;
	r = inject_call(target, SYS_process_madvise, args, &result, err);
	if (r < 0)
		return r;
	while (taken < count && result > 0 && (size_t)result >= iov[taken].iov_len)
		result -= (long)iov[taken++].iov_len;
	return (int)taken;
}

int inject_madvise(struct inject *target, const struct inject_range *ranges, size_t count,
		   int advice, bool batch, size_t *ret_done, struct error *err)
{
	size_t done = 0, next = 0;

	while (next < count) {
		size_t some = 0;
		int r;

		/* The first by itself: only then is there a place for the ranges. */
		if (batch && next > 0 && count - next >= BATCH_MIN) {
			some = target->scratch_size / sizeof(struct iovec);
			some = some < BATCH_MAX ? some : BATCH_MAX;
			some = some < count - next ? some : count - next;
		}
		r = some ? advise_some(target, ranges + next, some, advice, err) : 0;
		if (r < 0)
			return r;
		done += (size_t)r;
		next += (size_t)r;
		if (some && (size_t)r == some)
			continue;
		r = advise_one(target, &ranges[next++], advice, &done, err);
		if (r < 0)
			return r;
	}
	*ret_done = done;
	return 0;
}
