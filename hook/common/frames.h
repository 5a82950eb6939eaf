/* SPDX-License-Identifier: Apache-2.0 */
/* The truth about anonymous memory: page frames and their contents, counted, not estimated. */
#ifndef HOOK_COMMON_FRAMES_H
#define HOOK_COMMON_FRAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci-config/error.h"

/*
 * A frame is a physical page: one that several processes or addresses share (by fork or by KSM) counts once. Looked at
 * are private anonymous pages in RAM; not file pages, not shared memory, not hugetlbfs, not the kernel's zero page.
 */
struct frames_set;

/* All in bytes. */
struct frames_figures {
	uint64_t
		mapped; /* anonymous pages as processes see them, each mapping of a frame counted */
	uint64_t frames; /* the frames behind them */
	uint64_t
		distinct; /* different contents of these: the floor that no page merging can beat */
	uint64_t duplicates; /* frames - distinct: what merging could free */
	uint64_t zero;	     /* frames that hold only zeros */
	uint64_t merged;     /* frames that KSM has made */
	uint64_t unread;    /* frames that could not be read; each counts as a content of its own */
	uint64_t swapped;   /* private pages in swap, not looked at */
	unsigned processes; /* that were looked at */
};

enum frames_flags {
	FRAMES_NO_PAGEMAP_SCAN = 1 << 0, /* do as if the kernel had no PAGEMAP_SCAN (before 6.7) */
};

/*
 * An empty set, freed with frames_set_free (NULL is accepted). -EPERM without the right to see frame numbers
 * (CAP_SYS_ADMIN). Memory: 16 bytes a frame, and a bit for each frame of the machine that is near one that was seen.
 */
int frames_set_new(unsigned flags, struct frames_set **ret, struct error *err);
void frames_set_free(struct frames_set *set);

/*
 * Adds what the process maps that is not in the set yet. A process that is gone, that ends halfway or changes meanwhile
 * is no error: what was seen is counted. -EACCES if its memory may not be read, -ENOMEM.
 */
int frames_set_add(struct frames_set *set, pid_t pid, struct error *err);

/* The figures of everything added so far. */
void frames_set_count(struct frames_set *set, struct frames_figures *ret);

#endif
