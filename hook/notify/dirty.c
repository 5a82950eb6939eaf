/* SPDX-License-Identifier: Apache-2.0 */
/* The threads of a container that wait for the marker: a table in the journal. */
#include "hook/notify/dirty.h"

/* Never 0 in the high half, so that no entry is half free. */
static uint64_t noted_again(uint64_t thread)
{
	uint32_t count = (uint32_t)(thread >> 32) + 1;

	return (uint64_t)(count ? count : 1) << 32 | dirty_tid(thread);
}

static bool note_known(struct journal_dirty *entry, uint64_t thread, uint64_t now)
{
	uint32_t tid = dirty_tid(thread);

	/* Later is right for either: whoever had the number when it was noted first is gone by now. */
	__atomic_store_n(&entry->since, now, __ATOMIC_RELAXED);
	while (dirty_tid(thread) == tid)
		if (__atomic_compare_exchange_n(&entry->thread, &thread, noted_again(thread), false,
						__ATOMIC_RELEASE, __ATOMIC_RELAXED))
			return true;
	return false; /* the marker has just freed it */
}

bool dirty_note(struct journal_listener *listener, uint32_t tid, uint64_t now)
{
	struct journal_dirty *room = NULL;

	for (size_t i = 0; i < JOURNAL_DIRTY; i++) {
		struct journal_dirty *entry = &listener->dirty[(tid + i) % JOURNAL_DIRTY];
		uint64_t thread = __atomic_load_n(&entry->thread, __ATOMIC_RELAXED);

		if (dirty_tid(thread) == tid && note_known(entry, thread, now))
			return false;
		if (!room && !__atomic_load_n(&entry->thread, __ATOMIC_ACQUIRE))
			room = entry;
	}
	if (!room)
		return !__atomic_exchange_n(&listener->overflow, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&room->since, now, __ATOMIC_RELAXED);
	__atomic_store_n(&room->thread, noted_again(tid), __ATOMIC_RELEASE);
	return true;
}

uint64_t dirty_get(const struct journal_listener *listener, size_t slot, uint64_t *ret_since)
{
	const struct journal_dirty *entry = &listener->dirty[slot];
	uint64_t thread = __atomic_load_n(&entry->thread, __ATOMIC_ACQUIRE);

	*ret_since = __atomic_load_n(&entry->since, __ATOMIC_RELAXED);
	return thread;
}

bool dirty_free(struct journal_listener *listener, size_t slot, uint64_t thread)
{
	return __atomic_compare_exchange_n(&listener->dirty[slot].thread, &thread, 0, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

bool dirty_take_overflow(struct journal_listener *listener)
{
	return __atomic_exchange_n(&listener->overflow, 0, __ATOMIC_ACQ_REL);
}

void dirty_set_overflow(struct journal_listener *listener)
{
	__atomic_store_n(&listener->overflow, 1, __ATOMIC_RELEASE);
}

void dirty_tell(struct journal *journal, uint32_t index)
{
	__atomic_fetch_or(&journal->pending[index / 64], 1ULL << (index % 64), __ATOMIC_RELEASE);
}

int64_t dirty_next_told(struct journal *journal, uint32_t from)
{
	uint64_t mask = ~0ULL << (from % 64);

	for (uint32_t word = from / 64; word < JOURNAL_LISTENERS / 64; word++, mask = ~0ULL) {
		uint64_t bits = __atomic_load_n(&journal->pending[word], __ATOMIC_ACQUIRE) & mask;

		if (bits) {
			uint32_t bit = (uint32_t)__builtin_ctzll(bits);

			__atomic_fetch_and(&journal->pending[word], ~(1ULL << bit),
					   __ATOMIC_ACQ_REL);
			return (int64_t)word * 64 + bit;
		}
	}
	return -1;
}
