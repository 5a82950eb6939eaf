/* SPDX-License-Identifier: Apache-2.0 */
/* The helper's table of noted threads, and when it looks at a process. */
#include <pthread.h>
#include <string.h>

#include "hook/notify/dirty.h"
#include "hook/notify/pace.h"
#include "tests/unit/unit.h"

#define MS PACE_MS

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct journal_listener));
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static size_t used(const struct journal_listener *listener)
{
	size_t count = 0;
	uint64_t since;

	for (size_t i = 0; i < JOURNAL_DIRTY; i++)
		count += dirty_get(listener, i, &since) != 0;
	return count;
}

static size_t slot_of(const struct journal_listener *listener, uint32_t tid)
{
	uint64_t since;

	for (size_t i = 0; i < JOURNAL_DIRTY; i++)
		if (dirty_tid(dirty_get(listener, i, &since)) == tid)
			return i;
	fail_msg("thread %u is not there", tid);
	return 0;
}

static void test_noted_once(void **state)
{
	struct journal_listener *listener = *state;
	uint64_t since, thread;

	assert_true(dirty_note(listener, 7, 100));
	assert_false(dirty_note(listener, 7, 200));
	assert_true(dirty_note(listener, 7 + JOURNAL_DIRTY, 300)); /* the same place */
	assert_int_equal(used(listener), 2);
	thread = dirty_get(listener, slot_of(listener, 7), &since);
	assert_int_equal(since, 200);
	assert_true(dirty_free(listener, slot_of(listener, 7), thread));
	/* Behind a gap it is still found. */
	assert_false(dirty_note(listener, 7 + JOURNAL_DIRTY, 400));
	assert_int_equal(used(listener), 1);
}

static void test_noted_during_the_look(void **state)
{
	struct journal_listener *listener = *state;
	uint64_t since, thread;
	size_t slot;

	assert_true(dirty_note(listener, 9, 1));
	slot = slot_of(listener, 9);
	thread = dirty_get(listener, slot, &since);
	assert_false(dirty_note(listener, 9, 2));
	assert_false(dirty_free(listener, slot, thread));
	assert_true(dirty_free(listener, slot, dirty_get(listener, slot, &since)));
	assert_true(dirty_note(listener, 9, 3));
}

/* Looks that find nothing become seldom, but never cease. */
static void test_idle(void **state)
{
	uint64_t idle = 0, before;

	(void)state;
	for (int i = 0; i < 10; i++) {
		before = idle;
		idle = pace_idle(idle);
		assert_true(idle > before || idle == PACE_IDLE);
	}
	assert_int_equal(pace_idle(0), 500 * MS);
	assert_int_equal(idle, PACE_IDLE);
}

/* The count of notes never makes an entry look free. */
static void test_count_wraps(void **state)
{
	struct journal_listener *listener = *state;
	uint64_t since;

	dirty_note(listener, 9, 1);
	listener->dirty[9].thread = UINT64_C(0xffffffff) << 32 | 9;
	assert_false(dirty_note(listener, 9, 2));
	assert_int_equal(dirty_get(listener, 9, &since), UINT64_C(1) << 32 | 9);
}

static void test_full(void **state)
{
	struct journal_listener *listener = *state;
	uint64_t since;

	for (uint32_t tid = 1; tid <= JOURNAL_DIRTY; tid++)
		assert_true(dirty_note(listener, 1000 * tid, tid));
	assert_false(dirty_take_overflow(listener));
	assert_true(dirty_note(listener, 5, 1));
	assert_false(dirty_note(listener, 6, 1)); /* the marker knows already */
	assert_false(dirty_note(listener, 2000, 1));
	assert_true(dirty_take_overflow(listener));
	assert_false(dirty_take_overflow(listener));
	dirty_free(listener, 17, dirty_get(listener, 17, &since));
	assert_true(dirty_note(listener, 5, 1));
	assert_false(dirty_take_overflow(listener));
}

static void test_told(void **state)
{
	struct journal *journal = calloc(1, sizeof(*journal));

	(void)state;
	assert_int_equal(dirty_next_told(journal, 0), -1);
	dirty_tell(journal, JOURNAL_LISTENERS - 1);
	dirty_tell(journal, 0);
	dirty_tell(journal, 0);
	assert_int_equal(dirty_next_told(journal, 1), JOURNAL_LISTENERS - 1);
	dirty_tell(journal, JOURNAL_LISTENERS - 1);
	assert_int_equal(dirty_next_told(journal, 0), 0);
	assert_int_equal(dirty_next_told(journal, 0), JOURNAL_LISTENERS - 1);
	assert_int_equal(dirty_next_told(journal, 0), -1);
	assert_int_equal(dirty_next_told(journal, JOURNAL_LISTENERS), -1);
	free(journal);
}

enum { THREADS_NOTED = 300, ROUNDS = 200000 };

static void *note_all(void *data)
{
	struct journal_listener *listener = data;

	for (uint32_t i = 0; i < ROUNDS; i++)
		dirty_note(listener, 1 + i % THREADS_NOTED, i);
	return NULL;
}

/* One notes while the other frees: in the end nothing is there twice, and the last note is there or told by overflow. */
static void test_both_at_once(void **state)
{
	struct journal_listener *listener = *state;
	bool seen[THREADS_NOTED + 1] = {false};
	uint64_t since;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, note_all, listener), 0);
	for (size_t round = 0; round < 2000; round++)
		for (size_t i = 0; i < JOURNAL_DIRTY; i++) {
			uint64_t noted = dirty_get(listener, i, &since);

			if (noted)
				dirty_free(listener, i, noted);
		}
	pthread_join(thread, NULL);
	for (size_t i = 0; i < JOURNAL_DIRTY; i++) {
		uint32_t tid = dirty_tid(dirty_get(listener, i, &since));

		assert_true(tid <= THREADS_NOTED);
		assert_false(tid && seen[tid]);
		seen[tid] = true;
	}
}

static void test_pace_doubles(void **state)
{
	static const uint64_t delays[] = {10, 20, 40, 80, 160, 250, 250, 250};
	struct pace pace = {0};
	uint64_t now = 5000 * MS;

	(void)state;
	for (size_t i = 0; i < COUNT(delays); i++) {
		pace_note(&pace, now);
		assert_int_equal(pace.due, now + delays[i] * MS);
		pace_note(&pace, now + MS); /* again before the look: no later for it */
		assert_int_equal(pace.due, now + delays[i] * MS);
		now = pace.due;
		pace_done(&pace, now, 0);
		assert_int_equal(pace.due, 0);
	}
	/* Quiet for a while: soon again. */
	pace_note(&pace, now + 600 * MS);
	assert_int_equal(pace.due, now + 610 * MS);
}

static void test_pace_of_dear_looks(void **state)
{
	struct pace pace = {0};

	(void)state;
	pace_note(&pace, 1000 * MS);
	pace_done(&pace, 1060 * MS, 50 * MS);
	pace_note(&pace, 1061 * MS);
	assert_int_equal(pace.due, 2060 * MS);
}

static void test_pace_again(void **state)
{
	struct pace pace = {0};
	uint64_t now = 1000 * MS;

	(void)state;
	for (uint64_t delay = 20; delay < 4000; delay *= 2) {
		pace_again(&pace, now, 20 * MS, 0);
		assert_int_equal(pace.due, now + (delay < 1000 ? delay : 1000) * MS);
		now = pace.due;
	}
	pace_again(&pace, now, PACE_RETRY, 0);
	assert_int_equal(pace.due, now + 1000 * MS);
	/* Much for nothing. */
	pace_again(&pace, now, PACE_RETRY, 200 * MS);
	assert_int_equal(pace.due, now + 4000 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_noted_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_noted_during_the_look, setup, teardown),
		cmocka_unit_test_setup_teardown(test_count_wraps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test(test_told),
		cmocka_unit_test_setup_teardown(test_both_at_once, setup, teardown),
		cmocka_unit_test(test_pace_doubles),
		cmocka_unit_test(test_pace_of_dear_looks),
		cmocka_unit_test(test_pace_again),
		cmocka_unit_test(test_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
