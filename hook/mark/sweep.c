/* SPDX-License-Identifier: Apache-2.0 */
/* One look at one process: what lacks the mark gets it, by calls that a stopped thread of it makes. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "hook/mark/process.h"
#include "hook/mark/regions.h"
#include "hook/mark/sweep.h"
#include "oci-config/cleanup.h"

/* smaps walks page tables under the lock that page faults need, 42 ns a page: larger programs are spared that. */
#define SMAPS_RSS_MAX (UINT64_C(256) << 20)
#define RANGES	      64 /* in one stop */
/* Others wait meanwhile. What is marked by then will not have to be the next time. */
#define SWEEP_MAX (UINT64_C(300) * 1000000)

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_BOOTTIME, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int check_filters(const struct sweep *sweep, int dir, struct error *err)
{
	struct process_status status;
	int rc = process_status(dir, &status);

	if (rc < 0)
		return error_set(err, -rc, "process %d", sweep->pid);
	if (status.filters != sweep->filters)
		return error_set(err, EACCES, "process %d has seccomp filters of its own",
				 sweep->pid);
	return 0;
}

/* Who is stopped, is it still the one that was looked at, and may it be made to call something? */
static int check_target(const struct sweep *sweep, struct inject *target, struct error *err)
{
	struct process_stat stat;
	cleanup_close int dir = -1;
	int rc = process_stat(sweep->dir, &stat);

	if (rc < 0)
		return error_set(err, -rc, "process %d", sweep->pid);
	target->seccomp_suspended = target->seccomp_suspended && sweep->suspend;
	if (target->seccomp_suspended)
		return 0;
	if (target->strict)
		return error_set(err, EACCES, "process %d may make four calls only", sweep->pid);
	dir = process_open(target->tid);
	if (dir < 0)
		return error_set(err, -dir, "thread %d", target->tid);
	return check_filters(sweep, dir, err);
}

int sweep_stop(const struct sweep *sweep, struct inject *target, struct error *err)
{
	/* A stop alone can make the kernel call restart_syscall in its name. */
	int rc = sweep->suspend ? 0 : check_filters(sweep, sweep->dir, err);

	if (rc == 0)
		rc = inject_process(sweep->pid, sweep->stop_ms, target, err);
	if (rc < 0)
		return rc;
	rc = check_target(sweep, target, err);
	if (rc < 0)
		inject_end(target);
	return rc;
}

/* Stopped by us, into *own, or by somebody else before: *ret. */
static int begin(const struct sweep *sweep, struct inject *own, struct inject **ret,
		 struct error *err)
{
	*ret = sweep->held ? sweep->held : own;
	return sweep->held ? check_target(sweep, sweep->held, err) : sweep_stop(sweep, own, err);
}

/* An advice for no memory at all does nothing, and is always granted by the kernel. */
static int check_answer(struct inject *target, int advice, struct error *err)
{
	const struct inject_range nothing = {0};
	size_t granted = 0;
	int rc = inject_madvise(target, &nothing, 1, advice, false, &granted, err);

	if (rc == 0 && !granted)
		rc = error_set(err, EINVAL, "a seccomp filter refuses madvise in process %d",
			       (int)target->tgid);
	return rc;
}

int sweep_madvise(const struct sweep *sweep, struct inject *target,
		  const struct inject_range *ranges, size_t count, int advice, size_t *ret_done,
		  struct error *err)
{
	bool judged = sweep->filters && !target->seccomp_suspended;
	int rc = 0;

	/* Kernels that cannot populate say so by the same error. */
	if (judged)
		rc = check_answer(target, advice == MADV_MERGEABLE ? advice : MADV_UNMERGEABLE,
				  err);
	if (rc < 0)
		return rc;
	/* process_madvise is none of inject_mark_calls. */
	return inject_madvise(target, ranges, count, advice, sweep->batch && !judged, ret_done,
			      err);
}

/* What was found, which is forgotten then. */
static int mark(const struct sweep *sweep, struct regions *found, size_t *marked, struct error *err)
{
	struct inject own = {0}, *target;
	size_t done = 0;
	int rc = begin(sweep, &own, &target, err);

	if (rc < 0)
		return rc;
	rc = sweep_madvise(sweep, target, found->ranges, found->count, MADV_MERGEABLE, &done, err);
	if (rc == 0)
		*marked += found->wanted;
	found->count = 0;
	found->wanted = 0;
	if (!sweep->held)
		inject_end(&own);
	return rc;
}

/* The text as it is read, in pieces: it has no bound. */
static int feed(const struct sweep *sweep, int fd, struct regions *regions, size_t *marked,
		struct error *err)
{
	uint64_t begin, spent = 0;
	char text[8192];
	ssize_t len;

	while ((len = read(fd, text, sizeof(text))) > 0) {
		size_t used = 0;

		if (sweep->go_on)
			sweep->go_on();
		for (;;) {
			int rc;

			used += regions_feed(regions, text + used, (size_t)len - used);
			if (used == (size_t)len)
				break;
			begin = now();
			rc = mark(sweep, regions, marked, err);
			if (rc < 0)
				return rc;
			spent += now() - begin;
			if (spent > SWEEP_MAX)
				return error_set(err, EAGAIN, "process %d takes long", sweep->pid);
		}
	}
	if (len < 0)
		return error_set(err, errno, "read the regions of process %d", sweep->pid);
	if (regions->count == regions->room) {
		int rc = mark(sweep, regions, marked, err);

		if (rc < 0)
			return rc;
	}
	regions_end(regions);
	return regions->count ? mark(sweep, regions, marked, err) : 0;
}

int sweep_regions(const struct sweep *sweep, size_t *ret_marked, struct error *err)
{
	struct inject_range ranges[RANGES];
	struct regions regions = {.min_size = sweep->min_size, .ranges = ranges, .room = RANGES};
	struct process_stat stat;
	cleanup_close int fd = -1;
	size_t marked = 0;
	int rc = process_stat(sweep->dir, &stat);

	if (rc < 0)
		return error_set(err, -rc, "process %d", sweep->pid);
	regions.smaps = stat.rss <= SMAPS_RSS_MAX;
	fd = openat(sweep->dir, regions.smaps ? "smaps" : "maps", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno == ENOENT ? ESRCH : errno,
				 "open the regions of process %d", sweep->pid);
	rc = feed(sweep, fd, &regions, &marked, err);
	*ret_marked = marked;
	return rc;
}

int sweep_whole(const struct sweep *sweep, size_t *ret_marked, struct error *err)
{
	struct inject own = {0}, *target;
	int rc = process_is_merge_any(sweep->dir);

	if (rc < 0)
		return error_set(err, -rc, "process %d", sweep->pid);
	if (rc > 0) {
		*ret_marked = 0;
		return 0;
	}
	rc = begin(sweep, &own, &target, err);
	if (rc < 0)
		return rc;
	rc = inject_set_memory_merge(target, true, err);
	if (!sweep->held)
		inject_end(&own);
	if (rc < 0)
		return rc == -ESRCH ? rc : error_set(err, ENOSYS, "PR_SET_MEMORY_MERGE");
	*ret_marked = 1;
	return 0;
}
