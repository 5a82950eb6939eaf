/* SPDX-License-Identifier: Apache-2.0 */
/* For measurements: ksmd at full speed until it has nothing left to do, and the machine's settings put back. */
#ifndef TESTS_TOOLS_SETTLE_H
#define TESTS_TOOLS_SETTLE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "hook/common/frames.h"

/* What /sys/kernel/mm/ksm was like. */
struct settle_saved {
	int64_t run, pages_to_scan, sleep_millisecs, smart_scan;
	char advisor[32];
};

int settle_save(struct settle_saved *ret, struct error *err);
/* ksmd scans without pause. */
int settle_start(struct error *err);
/* Puts everything back; tries all of it whatever fails. */
int settle_restore(const struct settle_saved *saved, struct error *err);

struct settle_result {
	struct frames_figures after;
	unsigned scans; /* full scans that it took */
	double seconds;
	bool settled; /* false: time was up */
};

/*
 * The figures of processes that have just started, as soon as these change next to nothing: a Java heap is still being
 * filled and compiled for when the program says that it is ready. -EINTR, and time, as below.
 */
int settle_quiet(const pid_t *pids, size_t count, unsigned flags, double timeout,
		 const volatile sig_atomic_t *stop, struct frames_figures *ret, struct error *err);

/* Told after each full scan; not if NULL. */
typedef void settle_progress(unsigned scans, const struct frames_figures *now, double seconds);

/*
 * Waits, full scan by full scan, until two in a row change next to nothing in the duplicates of these processes.
 * -EINTR if *stop becomes true.
 */
int settle_wait(const pid_t *pids, size_t count, const struct frames_figures *before,
		double timeout, const volatile sig_atomic_t *stop, settle_progress *progress,
		struct settle_result *ret, struct error *err);

/* The figures of processes together. */
int settle_census(const pid_t *pids, size_t count, unsigned flags, struct frames_figures *ret,
		  struct error *err);

#endif
