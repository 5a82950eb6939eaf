/* SPDX-License-Identifier: Apache-2.0 */
/* Which pages have a frame in common, where the kernel does not tell frames' numbers (no CAP_SYS_ADMIN). Nothing here looks at the machine. */
#ifndef HOOK_COMMON_GUESS_H
#define HOOK_COMMON_GUESS_H

#include <stdbool.h>
#include <stdint.h>

#include "hook/common/estimate.h"

/*
 * A page that is mapped nowhere else has a frame of its own. One that is, is shared by fork, and then at the same address in the same
 * family (processes that come of one exec); or KSM has made it, and then it may be anywhere in families that KSM merges. What
 * has the same content as well is taken for the same frame: never too many frames, so never too much that merging would save.
 */
struct guess_page {
	uint64_t family, address;
	uint64_t owner;	 /* less than GUESS_OWNERS */
	bool is_shared;	 /* mapped elsewhere, too */
	bool is_merging; /* KSM merges pages of its family */
	bool is_stable;
};

#define GUESS_OWNERS (UINT64_C(1) << 22)

/* What is to be in `low` of the pair that has the page's hash in `high`. */
uint64_t guess_low(const struct guess_page *page);

/*
 * Sorts pages and leaves of each frame only one, as estimate_count wants it: of the first owner, and stable if any of its pages is. Adds to
 * `merged` of owners what may be KSM's, and to `anonymous` the frames that KSM has more than one of for a content (max_sharing), which will stay.
 */
void guess_frames(struct pairs *pages, const struct estimate_rules *rules,
		  struct estimate_figures *owners);

#endif
