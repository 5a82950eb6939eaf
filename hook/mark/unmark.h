/* SPDX-License-Identifier: Apache-2.0 */
/* One process being made unmergeable. Used by unmark.c and separate.c only. */
#ifndef HOOK_MARK_UNMARK_H
#define HOOK_MARK_UNMARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hook/common/contents.h"
#include "hook/inject/inject.h"
#include "hook/mark/one.h"
#include "oci-config/error.h"

#define UNMARK_MIB (UINT64_C(1) << 20)
/* Between two checks: some 10 ms in which the program cannot map anything. */
#define UNMARK_SLICE  (16 * UNMARK_MIB)
#define UNMARK_RANGES 64

struct unmark {
	const struct one_target *target;
	const struct contents *contents; /* or NULL */
	struct inject_range ranges[UNMARK_RANGES];
	size_t count;
	uint64_t bytes;	       /* in them */
	uint64_t begin, total; /* since then (unmark_clock), so many: for the rate */
	bool impossible;       /* the kernel has no MADV_POPULATE_WRITE */
	struct one *one;
	struct error *err;
};

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t unmark_clock(void);
/* So many bytes have become separate: sleeps for as long as that has to take. */
void unmark_keep_pace(struct unmark *unmark, uint64_t bytes);
/* Have the limits room for so many bytes? 0, -ENOMEM, or -ECANCELED: whoever asked for it is gone. */
int unmark_may_go_on(const struct unmark *unmark, uint64_t bytes);
/* merged_bytes of the process. */
uint64_t unmark_merged(const struct unmark *unmark, bool exact);
/* madvise of the ranges, which a stopped thread calls. *ret_done: ranges that the kernel granted. Or an -errno of sweep_stop. */
int unmark_advise(const struct unmark *unmark, int advice, size_t *ret_done);
/* The ranges are none. */
void unmark_forget(struct unmark *unmark);
/*
 * Makes what is merged separate, of which there are so many bytes, as long as there are `least`. 0 also where that is not
 * possible: frames cannot be seen, or unmark->impossible. Linux 5.14.
 */
int unmark_separate(struct unmark *unmark, uint64_t merged, uint64_t least);

#endif
