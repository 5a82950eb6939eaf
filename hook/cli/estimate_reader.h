/* SPDX-License-Identifier: Apache-2.0 */
/* The thread of estimate that reads other programs' memory. */
#ifndef HOOK_CLI_ESTIMATE_READER_H
#define HOOK_CLI_ESTIMATE_READER_H

#include <pthread.h>
#include <stdbool.h>

#include "hook/cli/estimate_scan.h"
#include "hook/common/seen.h"

/* In a pair's `low`, which is a page's address until all looks are done: it was the same at the second look. */
#define CONFIRMED (UINT64_C(1) << 62)
/* And where frames have no numbers: it is mapped elsewhere, too. */
#define SHARED UINT64_C(1)

/*
 * One thread reads, and this one waits. A thread that is held up is left behind: `generation` says that it is no longer the one, so
 * it changes nothing when it comes back, and the kernel ends it with the program. `lock` is for all but the borrowed.
 */
struct scan {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned generation;
	unsigned readers; /* threads: while there is one, nothing that it uses is freed */
	unsigned held_up; /* of these, those that were left behind */

	struct scan_process *processes;
	size_t count, owner_count;
	size_t at; /* the process that is being looked at */
	pid_t tid; /* of the thread; 0 before it runs */
	unsigned looks;

	uint64_t seed, zero_hash;
	size_t page_size;
	struct seen *seen;
	bool guesses; /* frames have no numbers: `pages` has all pages, and scan_count finds out which are one */
	struct pairs pages; /* hash and address, by process in ascending order of address */
	struct estimate_figures *owners;
	uint64_t looked; /* pages, in all looks */
	int rc;
	struct error err;
};

/* Goes on with process `at` in a new thread, which is the one from now on; with the lock. 0 or -errno. */
int reader_start(struct scan *scan);

#endif
