/* SPDX-License-Identifier: Apache-2.0 */
/* What estimate knows of the memory of processes: looks at it once or twice, and is never held up by it for long. */
#ifndef HOOK_CLI_ESTIMATE_SCAN_H
#define HOOK_CLI_ESTIMATE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "hook/cli/estimate_kin.h"
#include "hook/common/estimate.h"
#include "oci-config/error.h"

enum scan_state {
	SCAN_OK,      /* looked at; also if it has ended meanwhile */
	SCAN_DENIED,  /* its memory may not be read */
	SCAN_HELD_UP, /* whoever read it was held up for seconds: seen in part */
};

struct scan_process {
	pid_t pid;
	size_t owner; /* a number below scan_new's owner_count */
	enum scan_state state;
	size_t first, count; /* its pages in the list */
	struct kin kin;	     /* where frames have no numbers */
};

struct scan;

/*
 * `processes` has each pid once, is filled in, and belongs to the scan from now on, whatever is returned. scan_free accepts NULL,
 * and frees nothing where a thread is still held up: the program's end does it.
 */
int scan_new(struct scan_process *processes, size_t count, size_t owner_count, struct scan **ret,
	     struct error *err);
void scan_free(struct scan *scan);

/* Told some times a second how many bytes of memory have been looked at. */
typedef void scan_progress(uint64_t bytes, void *data);

/* The first look at all processes, and the second, after which only pages that stayed as they were count as stable. */
int scan_look(struct scan *scan, scan_progress *progress, void *data, struct error *err);

/* After a look: frames have no numbers (no CAP_SYS_ADMIN), so they are told apart as hook/common/guess.h says. */
bool scan_guesses(struct scan *scan);

/* Once, after the last look: figures of each owner and of all together. Reads the kernel's rules from /sys/kernel/mm/ksm. */
int scan_count(struct scan *scan, struct estimate_figures *owners,
	       struct estimate_figures *together, struct error *err);

#endif
