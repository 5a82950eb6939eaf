/* SPDX-License-Identifier: Apache-2.0 */
/* hook/notify/journal: its memory, that of another layout, and what a process may take from it after a fork. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hook/notify/journal.h"
#include "tests/unit/unit.h"

#define PREFIX offsetof(struct journal_listener, dirty)

static void fill(struct journal_listener *entry, const char *id)
{
	snprintf(entry->id, sizeof(entry->id), "%s", id);
	entry->pid = 42;
	entry->notify.min_size = 12345;
	entry->in_flight[0].notif.id = 77;
	entry->held = 1;
}

static void kept_by_its_descriptor(void **state)
{
	struct journal *journal, *again;
	int fd;

	(void)state;
	assert_int_equal(journal_new(&journal, &fd, NULL), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(journal->listener[JOURNAL_LISTENERS - 1].held, 0);
	fill(&journal->listener[3], "one");
	munmap(journal, sizeof(*journal));
	assert_int_equal(journal_map(fd, &again, NULL), 0);
	assert_string_equal(again->listener[3].id, "one");
	assert_int_equal(journal_check(fd, NULL), 0);
	munmap(again, sizeof(*again));
	close(fd);
}

static void what_is_no_journal(void **state)
{
	struct error err = {0};
	struct journal *journal = NULL;
	int fd = memfd_create("test", MFD_CLOEXEC), no_file = open("/dev/null", O_RDWR | O_CLOEXEC);
	int pair[2];

	(void)state;
	assert_int_equal(journal_map(fd, &journal, &err), -EPROTO);
	assert_int_equal(journal_check(fd, &err), -EPROTO);
	assert_int_equal(ftruncate(fd, sizeof(*journal)), 0);
	assert_int_equal(journal_map(fd, &journal, &err), -EPROTO);
	assert_int_equal(journal_check(fd, &err), -EPROTO);
	assert_int_equal(journal_map(no_file, &journal, &err), -EPROTO);
	assert_int_equal(journal_map(-1, &journal, &err), -EBADF);
	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	assert_int_equal(journal_check(pair[0], &err), -EPROTO);
	assert_null(journal);
	close(pair[0]);
	close(pair[1]);
	close(fd);
	close(no_file);
}

/* A later version: longer entries, more of them, and something in front. */
static int other_layout(uint32_t version, uint32_t listeners, uint32_t size_of_one, uint32_t offset,
			uint32_t held)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	const uint32_t head[] = {version, listeners, size_of_one, offset};
	static struct journal_listener entry;

	memset(&entry, 0, sizeof(entry));
	fill(&entry, "kept");
	entry.dirty[0].thread = 99;
	assert_int_equal(ftruncate(fd, (off_t)offset + (off_t)listeners * size_of_one), 0);
	assert_int_equal(pwrite(fd, head, sizeof(head), 0), sizeof(head));
	if (held < listeners)
		assert_int_equal(
			pwrite(fd, &entry, PREFIX, (off_t)offset + (off_t)held * size_of_one),
			PREFIX);
	return fd;
}

static void of_another_layout(void **state)
{
	struct journal *journal = NULL;
	int fd = other_layout(JOURNAL_VERSION, 2 * JOURNAL_LISTENERS, PREFIX + 1000, 8192, 5),
	    new_fd;

	(void)state;
	assert_int_equal(journal_map(fd, &journal, NULL), -EPROTO);
	assert_int_equal(journal_check(fd, NULL), 0);
	assert_int_equal(journal_convert(fd, &journal, &new_fd, NULL), 0);
	assert_int_equal(journal->top, 6);
	assert_string_equal(journal->listener[5].id, "kept");
	assert_int_equal(journal->listener[5].notify.min_size, 12345);
	assert_int_equal(journal->listener[5].in_flight[0].notif.id, 77);
	/* Whose turn it was is not known: all are. */
	assert_int_equal(journal->listener[5].overflow, 1);
	assert_int_equal(journal->listener[5].dirty[0].thread, 0);
	assert_int_equal(journal->pending[0], 1 << 5);
	assert_int_equal(journal->listener[4].held, 0);
	munmap(journal, sizeof(*journal));
	close(fd);
	close(new_fd);
}

static void of_a_layout_that_cannot_be(void **state)
{
	const struct {
		uint32_t version, listeners, size_of_one, offset, held;
	} bad[] = {
		{JOURNAL_VERSION + 1, 64, PREFIX, 64, 0},
		{JOURNAL_VERSION, 64, PREFIX - 1, 64, 0},
		{JOURNAL_VERSION, 64, PREFIX, 8, 64},
		{JOURNAL_VERSION, 64, PREFIX, 2u << 20, 64},
		{JOURNAL_VERSION, 64, 2u << 20, 64, 64},
		/* More than there is room for. */
		{JOURNAL_VERSION, JOURNAL_LISTENERS + 1, PREFIX, 64, JOURNAL_LISTENERS},
	};
	struct journal *journal = NULL;
	int new_fd = -1;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd = other_layout(bad[i].version, bad[i].listeners, bad[i].size_of_one,
				      bad[i].offset, bad[i].held);

		assert_int_equal(journal_check(fd, NULL), -EPROTO);
		assert_int_equal(journal_convert(fd, &journal, &new_fd, NULL), -EPROTO);
		close(fd);
	}
	/* It ends before its last entry does. */
	new_fd = other_layout(JOURNAL_VERSION, 64, PREFIX, 64, 1);
	assert_int_equal(ftruncate(new_fd, 64 + 63 * (off_t)PREFIX), 0);
	assert_int_equal(journal_check(new_fd, NULL), -EPROTO);
	assert_null(journal);
	close(new_fd);
}

static void after_a_fork(void **state)
{
	struct journal *journal;
	struct journal_listener *entry;
	int fd;

	(void)state;
	assert_int_equal(journal_new(&journal, &fd, NULL), 0);
	entry = &journal->listener[0];
	assert_int_equal(journal_fd_since_fork(journal, 0, 0), -1);
	*entry = (struct journal_listener){.held = 1, .fd = 7, .serial = 5};
	assert_int_equal(journal_fd_since_fork(journal, 0, 5), 7);
	assert_int_equal(journal_fd_since_fork(journal, 0, 6), 7);
	/* It came after the fork. */
	assert_int_equal(journal_fd_since_fork(journal, 0, 4), -1);
	entry->serial = 1;
	assert_int_equal(journal_fd_since_fork(journal, 0, UINT32_MAX), -1);
	entry->serial = UINT32_MAX;
	assert_int_equal(journal_fd_since_fork(journal, 0, 1), 7);
	entry->held = 0;
	assert_int_equal(journal_fd_since_fork(journal, 0, 1), -1);
	munmap(journal, sizeof(*journal));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_by_its_descriptor),
		cmocka_unit_test(what_is_no_journal),
		cmocka_unit_test(of_another_layout),
		cmocka_unit_test(of_a_layout_that_cannot_be),
		cmocka_unit_test(after_a_fork),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
