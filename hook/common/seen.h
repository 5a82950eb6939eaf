/* SPDX-License-Identifier: Apache-2.0 */
/* A set of page frames, by their numbers. */
#ifndef HOOK_COMMON_SEEN_H
#define HOOK_COMMON_SEEN_H

#include <stdbool.h>
#include <stdint.h>

struct seen;

/* An empty set, NULL without memory. A bit for each frame of the machine that is near one in the set. seen_free accepts NULL. */
struct seen *seen_new(void);
void seen_free(struct seen *seen);

bool seen_has(const struct seen *seen, uint64_t frame);
/* 0, or -ENOMEM, also for a number that no machine has. */
int seen_add(struct seen *seen, uint64_t frame);

#endif
