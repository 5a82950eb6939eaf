/* SPDX-License-Identifier: Apache-2.0 */
/* What merging would save: from hashes of pages and their owners. Nothing here looks at the machine. */
#ifndef HOOK_COMMON_ESTIMATE_H
#define HOOK_COMMON_ESTIMATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hook/common/pairs.h"

/* How the kernel merges. */
struct estimate_rules {
	uint64_t page_size;
	uint64_t max_sharing; /* max_page_sharing: so many equal pages need a page of their own */
	uint64_t zero_hash;
	bool use_zero_pages; /* pages of zeros need none at all */
};

/* Of one owner or of all together. All but the first in bytes. */
struct estimate_figures {
	uint64_t processes;
	uint64_t mapped;    /* anonymous pages as processes see them: what ksmd has to scan */
	uint64_t anonymous; /* the frames behind them; one that fork shares counts once */
	uint64_t merged;    /* of these, what KSM has made already */
	uint64_t zero;	    /* of these, what holds only zeros */
	uint64_t changing;  /* of these, what changed or went between two looks: not merged */
	uint64_t unread;    /* of these, what could not be read: not merged */
	uint64_t swapped;   /* besides, in swap: not looked at */
	uint64_t within;    /* what merging with pages of the same owner would free */
	uint64_t across; /* and with others': each of them gets an equal part of what they share */
};

/* In a pair, `high` is the hash of a frame's content and `low` the number of its owner, with this bit if it is changing. */
#define ESTIMATE_CHANGING (UINT64_C(1) << 63)

/*
 * Sorts `pages` and adds anonymous, zero, changing, within and across to the figures of owners (numbers below owner_count) and
 * of all together. Parts of a byte are dropped for owners, never for all together.
 */
void estimate_count(struct pairs *pages, const struct estimate_rules *rules,
		    struct estimate_figures *owners, struct estimate_figures *together);

/* ksmd's books of `mapped` bytes: 64 bytes a page. */
uint64_t estimate_books(const struct estimate_rules *rules, uint64_t mapped);

#endif
