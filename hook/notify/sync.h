/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.sync: the thread goes on when its memory is marked. The worker receives the call and hands the listener
 * over to the marker, which answers and gives it back: journal_listener.sync says whose turn it is.
 */
#ifndef HOOK_NOTIFY_SYNC_H
#define HOOK_NOTIFY_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "hook/notify/journal.h"

/*
 * Low bits: whose turn; above them a number that changes with each turn, so that a marker that is late gives back
 * only what it was given.
 */
enum sync_turn { SYNC_WORKER, SYNC_MARKER, SYNC_BACK };
#define SYNC_TURN(value) ((enum sync_turn)((value)&3u))

static inline uint32_t sync_get(const struct journal_listener *listener)
{
	return __atomic_load_n(&listener->sync, __ATOMIC_ACQUIRE);
}

/* The worker's: what is in in_flight[0] is the marker's now; the listener is ours again. */
static inline void sync_hand_over(struct journal_listener *listener)
{
	__atomic_store_n(&listener->sync, ((sync_get(listener) & ~3u) + 4) | SYNC_MARKER,
			 __ATOMIC_RELEASE);
}

static inline void sync_take_back(struct journal_listener *listener)
{
	__atomic_store_n(&listener->sync, (sync_get(listener) & ~3u) | SYNC_WORKER,
			 __ATOMIC_RELEASE);
}

/* The marker's: `value` was there when the turn began. */
static inline void sync_give_back(struct journal_listener *listener, uint32_t value)
{
	__atomic_compare_exchange_n(&listener->sync, &value, (value & ~3u) | SYNC_BACK, false,
				    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

#endif
