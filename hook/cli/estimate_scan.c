/* SPDX-License-Identifier: Apache-2.0 */
/* What estimate knows of the memory of processes: looks at it once or twice, and is never held up by it for long. */
#include "hook/cli/estimate_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "hook/cli/estimate_guard.h"
#include "hook/cli/estimate_reader.h"
#include "hook/common/guess.h"
#include "hook/common/ksm.h"
#include "oci-config/cleanup.h"

#define STEP_NS 100000000L /* so often the thread is looked after */

static int init(struct scan *scan, struct error *err)
{
	cleanup_free void *page = NULL;
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&scan->changed, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&scan->lock, NULL);
	scan->page_size = (size_t)sysconf(_SC_PAGESIZE);
	scan->seen = seen_new();
	scan->owners = calloc(scan->owner_count + 1, sizeof(*scan->owners));
	page = calloc(1, scan->page_size);
	if (!scan->seen || !scan->owners || !page)
		return error_set(err, ENOMEM, "estimate");
	/* Secret: no program can make pages that only seem to be equal. */
	if (getrandom(&scan->seed, sizeof(scan->seed), 0) != sizeof(scan->seed))
		return error_set(err, errno, "random seed");
	scan->zero_hash = XXH3_64bits_withSeed(page, scan->page_size, scan->seed);
	return 0;
}

int scan_new(struct scan_process *processes, size_t count, size_t owner_count, struct scan **ret,
	     struct error *err)
{
	struct scan *scan = calloc(1, sizeof(*scan));
	int rc;

	if (!scan) {
		free(processes);
		return error_set(err, ENOMEM, "estimate");
	}
	scan->processes = processes;
	scan->count = count;
	scan->owner_count = owner_count;
	rc = init(scan, err);
	if (rc < 0) {
		scan_free(scan);
		return rc;
	}
	*ret = scan;
	return 0;
}

void scan_free(struct scan *scan)
{
	if (!scan)
		return;
	pthread_mutex_lock(&scan->lock);
	if (scan->readers) {
		pthread_mutex_unlock(&scan->lock);
		return;
	}
	pthread_mutex_unlock(&scan->lock);
	pthread_mutex_destroy(&scan->lock);
	pthread_cond_destroy(&scan->changed);
	seen_free(scan->seen);
	free(scan->pages.list);
	free(scan->owners);
	free(scan->processes);
	free(scan);
}

/* With the lock. */
static void wait_step(struct scan *scan)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += STEP_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&scan->changed, &scan->lock, &until);
}

/* With the lock: leaves the thread where it is, and goes on with the next process in another one. */
static int leave_behind(struct scan *scan)
{
	scan->processes[scan->at++].state = SCAN_HELD_UP;
	scan->generation++;
	scan->held_up++;
	return reader_start(scan);
}

/* With the lock: until all processes have been looked at. */
static int wait_all(struct scan *scan, scan_progress *progress, void *data)
{
	struct guard guard = {0};
	size_t at = scan->at;

	while (scan->rc == 0 && scan->at < scan->count) {
		if (guard.tid != scan->tid || at != scan->at)
			guard_begin(&guard, scan->tid);
		at = scan->at;
		wait_step(scan);
		if (progress)
			progress(scan->looked * scan->page_size, data);
		if (guard.tid && guard.tid == scan->tid && at == scan->at &&
		    guard_is_held_up(&guard)) {
			int rc = leave_behind(scan);

			if (rc < 0)
				return rc;
		}
	}
	/* Those that are not held up end now. */
	while (scan->readers > scan->held_up)
		wait_step(scan);
	return 0;
}

int scan_look(struct scan *scan, scan_progress *progress, void *data, struct error *err)
{
	int rc;

	pthread_mutex_lock(&scan->lock);
	scan->at = 0;
	rc = reader_start(scan);
	if (rc == 0)
		rc = wait_all(scan, progress, data);
	if (rc < 0)
		error_set(err, -rc, "start a thread");
	else if (scan->rc < 0)
		*err = scan->err;
	rc = rc < 0 ? rc : scan->rc;
	scan->looks++;
	pthread_mutex_unlock(&scan->lock);
	return rc;
}

/* Addresses give way to owners. `merging`: of families. */
static void settle(const struct scan *scan, const struct scan_process *process,
		   const uint64_t *merging, size_t merging_count)
{
	bool is_merging = kin_has(merging, merging_count, process->kin.family);
	/* Of one that has held us up there may have been no second look. */
	bool once = scan->looks < 2 || process->state == SCAN_HELD_UP;

	for (size_t i = process->first; i < process->first + process->count; i++) {
		struct pair *page = &scan->pages.list[i];
		struct guess_page guess = {.family = process->kin.family,
					   .address = page->low & ~(SHARED | CONFIRMED),
					   .owner = process->owner,
					   .is_shared = page->low & SHARED,
					   .is_merging = is_merging,
					   .is_stable = once || (page->low & CONFIRMED)};

		page->low = guess_low(&guess);
	}
}

static void add(struct estimate_figures *sum, const struct estimate_figures *part)
{
	sum->processes += part->processes;
	sum->mapped += part->mapped;
	sum->merged += part->merged;
	sum->unread += part->unread;
	sum->anonymous += part->anonymous;
	sum->swapped += part->swapped;
}

/* With the lock. Where frames have numbers there are no shared pages in the list. */
static int settle_all(struct scan *scan, const struct estimate_rules *rules,
		      struct estimate_figures *owners, struct error *err)
{
	cleanup_free uint64_t *merging = calloc(scan->count + 1, sizeof(*merging));
	cleanup_free uint64_t *pages = calloc(scan->owner_count + 1, sizeof(*pages));
	size_t n = 0;

	if (!merging || !pages)
		return error_set(err, ENOMEM, "estimate");
	for (size_t i = 0; i < scan->count; i++) {
		if (scan->processes[i].kin.merging)
			merging[n++] = scan->processes[i].kin.family;
		pages[scan->processes[i].owner] += scan->processes[i].kin.merging;
	}
	kin_sort(merging, n);
	for (size_t i = 0; i < scan->count; i++)
		settle(scan, &scan->processes[i], merging, n);
	if (!scan->guesses)
		return 0;
	guess_frames(&scan->pages, rules, owners);
	/* Some of what forks of merging programs share is not KSM's. */
	for (size_t i = 0; i < scan->owner_count; i++)
		if (owners[i].merged > pages[i] * scan->page_size)
			owners[i].merged = pages[i] * scan->page_size;
	return 0;
}

bool scan_guesses(struct scan *scan)
{
	bool guesses;

	pthread_mutex_lock(&scan->lock);
	guesses = scan->guesses;
	pthread_mutex_unlock(&scan->lock);
	return guesses;
}

int scan_count(struct scan *scan, struct estimate_figures *owners,
	       struct estimate_figures *together, struct error *err)
{
	int64_t max_sharing = ksm_sys_get("max_page_sharing");
	const struct estimate_rules rules = {
		.page_size = scan->page_size,
		.max_sharing = max_sharing == KSM_UNKNOWN ? 0 : (uint64_t)max_sharing,
		.zero_hash = scan->zero_hash,
		.use_zero_pages = ksm_sys_get("use_zero_pages") == 1,
	};
	int rc;

	pthread_mutex_lock(&scan->lock);
	*together = (struct estimate_figures){0};
	for (size_t i = 0; i < scan->owner_count; i++) {
		owners[i] = scan->owners[i];
		owners[i].anonymous = owners[i].unread;
	}
	rc = settle_all(scan, &rules, owners, err);
	for (size_t i = 0; i < scan->owner_count; i++)
		add(together, &owners[i]);
	if (rc == 0)
		estimate_count(&scan->pages, &rules, owners, together);
	pthread_mutex_unlock(&scan->lock);
	return rc;
}
