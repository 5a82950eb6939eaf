/* SPDX-License-Identifier: Apache-2.0 */
/* Large arrays of hashes, with what belongs to them: growing and sorting without a second array. */
#ifndef HOOK_COMMON_PAIRS_H
#define HOOK_COMMON_PAIRS_H

#include <stddef.h>
#include <stdint.h>

struct pair {
	uint64_t high; /* is compared first */
	uint64_t low;
};

struct pairs {
	struct pair *list; /* owned: free */
	size_t count, room;
};

/* 0 or -ENOMEM; the list may move. */
int pairs_add(struct pairs *pairs, uint64_t high, uint64_t low);

/* In ascending order. For hashes in `high`: fast when these are random, also where many are equal. */
void pairs_sort(struct pairs *pairs);

#endif
