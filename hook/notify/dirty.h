/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads of a container that wait for the marker: a table in the journal. One process notes (the worker, or
 * the marker while it holds a thread), one frees (the marker); each may die at any moment.
 */
#ifndef HOOK_NOTIFY_DIRTY_H
#define HOOK_NOTIFY_DIRTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hook/notify/journal.h"

/*
 * Notes a thread. True: the marker does not know of it yet and has to be told (dirty_tell). Where the table is
 * full the container as a whole is noted.
 */
bool dirty_note(struct journal_listener *listener, uint32_t tid, uint64_t now);

/* The entry's `thread` as it is now; 0: free. */
uint64_t dirty_get(const struct journal_listener *listener, size_t slot, uint64_t *ret_since);
static inline uint32_t dirty_tid(uint64_t thread)
{
	return (uint32_t)thread;
}
/* Frees the entry, unless it was noted again since dirty_get gave `thread`. */
bool dirty_free(struct journal_listener *listener, size_t slot, uint64_t thread);
/* Was the table full? Asked once, it is forgotten. */
bool dirty_take_overflow(struct journal_listener *listener);
void dirty_set_overflow(struct journal_listener *listener);

/* That there is news of this listener; and, for the marker, the next listener at or above `from` of which there is: -1 if none. */
void dirty_tell(struct journal *journal, uint32_t index);
int64_t dirty_next_told(struct journal *journal, uint32_t from);

#endif
