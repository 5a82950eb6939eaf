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

/* Who is stopped, is it still the one that was looked at, and may it be made to call something? */
static int check_target(const struct sweep *sweep, const struct inject *target, struct error *err)
{
	struct process_status status;
	struct process_stat stat;
	cleanup_close int dir = -1;
	int rc = process_stat(sweep->dir, &stat);

	if (rc < 0)
		return error_set(err, -rc, "process %d", sweep->pid);
	if (target->seccomp_suspended)
		return 0;
	dir = process_open(target->tid);
	rc = dir < 0 ? dir : process_status(dir, &status);
	if (rc < 0)
		return error_set(err, -rc, "thread %d", target->tid);
	if (status.filters != sweep->filters)
		return error_set(err, EACCES, "process %d has seccomp filters of its own",
				 sweep->pid);
	return 0;
}

int sweep_stop(const struct sweep *sweep, struct inject *target, struct error *err)
{
	int rc = inject_process(sweep->pid, sweep->stop_ms, target, err);

	if (rc < 0)
		return rc;
	rc = check_target(sweep, target, err);
	if (rc < 0)
		inject_end(target);
	return rc;
}

/* What was found, which is forgotten then. */
static int mark(const struct sweep *sweep, struct regions *found, size_t *marked, struct error *err)
{
	struct inject own = {0};
	struct inject *target = sweep->held ? sweep->held : &own;
	size_t done = 0;
	int rc = sweep->held ? 0 : sweep_stop(sweep, &own, err);

	if (rc < 0)
		return rc;
	rc = inject_madvise(target, found->ranges, found->count, MADV_MERGEABLE, sweep->batch,
			    &done, err);
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
	struct inject own = {0};
	struct inject *target = sweep->held ? sweep->held : &own;
	int rc = process_is_merge_any(sweep->dir);

	if (rc < 0)
		return error_set(err, -rc, "process %d", sweep->pid);
	if (rc > 0) {
		*ret_marked = 0;
		return 0;
	}
	rc = sweep->held ? 0 : sweep_stop(sweep, &own, err);
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
