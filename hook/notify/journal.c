/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's memory: making it, mapping what a predecessor left, converting what an older version left. */
#include "hook/notify/journal.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-config/cleanup.h"

/* What every layout of this JOURNAL_VERSION begins a listener's entry with. */
#define JOURNAL_PREFIX offsetof(struct journal_listener, dirty)

/* NULL: failed. */
static struct journal *map(int fd, struct error *err)
{
	void *memory =
		mmap(NULL, sizeof(struct journal), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED) {
		error_set(err, errno, "map the journal");
		return NULL;
	}
	return memory;
}

int journal_new(struct journal **ret, int *ret_fd, struct error *err)
{
	cleanup_close int fd = memfd_create("oci-ksm-journal", MFD_CLOEXEC);
	struct journal *journal;

	if (fd < 0 || ftruncate(fd, sizeof(*journal)) < 0)
		return error_set(err, errno, "make the journal");
	journal = map(fd, err);
	if (!journal)
		return -ENOMEM;
	journal->version = JOURNAL_VERSION;
	journal->listeners = JOURNAL_LISTENERS;
	journal->size_of_one = sizeof(struct journal_listener);
	journal->offset_of_first = offsetof(struct journal, listener);
	*ret = journal;
	*ret_fd = steal_fd(&fd);
	return 0;
}

struct journal_head {
	uint32_t version, listeners, size_of_one, offset_of_first;
};

static int read_head(int fd, struct journal_head *ret, struct stat *st, struct error *err)
{
	if (fstat(fd, st) < 0)
		return error_set(err, errno, "look at the journal");
	if (!S_ISREG(st->st_mode) || pread(fd, ret, sizeof(*ret), 0) != sizeof(*ret))
		return error_set(err, EPROTO, "this is no journal");
	return 0;
}

int journal_map(int fd, struct journal **ret, struct error *err)
{
	struct journal_head head;
	struct journal *journal;
	struct stat st;
	int rc = read_head(fd, &head, &st, err);

	if (rc < 0)
		return rc;
	if (st.st_size != sizeof(struct journal) || head.version != JOURNAL_VERSION ||
	    head.listeners != JOURNAL_LISTENERS ||
	    head.size_of_one != sizeof(struct journal_listener) ||
	    head.offset_of_first != offsetof(struct journal, listener))
		return error_set(err, EPROTO, "the journal is of another version's layout");
	journal = map(fd, err);
	if (!journal)
		return -ENOMEM;
	*ret = journal;
	return 0;
}

int journal_fd_since_fork(const struct journal *journal, uint32_t index, uint32_t serial)
{
	const struct journal_listener *entry = &journal->listener[index];
	uint32_t before = __atomic_load_n(&entry->serial, __ATOMIC_SEQ_CST);
	int fd = __atomic_load_n(&entry->fd, __ATOMIC_SEQ_CST);
	bool held = __atomic_load_n(&entry->held, __ATOMIC_SEQ_CST) &&
		    __atomic_load_n(&entry->serial, __ATOMIC_SEQ_CST) == before;

	/* Numbers wrap around after years. */
	return held && (int32_t)(before - serial) <= 0 ? fd : -1;
}

/* Its bounds hold together, and its entries begin as ours do. */
static int check_head(const struct journal_head *head, const struct stat *st, struct error *err)
{
	if (head->version != JOURNAL_VERSION || head->size_of_one < JOURNAL_PREFIX ||
	    head->listeners > 1u << 20 || head->offset_of_first < sizeof(*head) ||
	    head->size_of_one > 1u << 20 || head->offset_of_first > 1u << 20 ||
	    (uint64_t)st->st_size <
		    head->offset_of_first + (uint64_t)head->listeners * head->size_of_one)
		return error_set(err, EPROTO, "the journal is of a version that is not known here");
	return 0;
}

static int copy_entry(int fd, const struct journal_head *head, uint32_t index,
		      struct journal *journal, struct error *err)
{
	off_t at = (off_t)head->offset_of_first + (off_t)index * head->size_of_one;
	struct journal_listener entry = {0};

	if (pread(fd, &entry, JOURNAL_PREFIX, at) != (ssize_t)JOURNAL_PREFIX)
		return error_set(err, EPROTO, "the journal ends too early");
	if (!entry.held)
		return 0;
	if (index >= JOURNAL_LISTENERS)
		return error_set(err, EPROTO, "the journal holds more than there is room for");
	entry.overflow = 1; /* whose turn it was is not copied: all are looked at */
	if (journal) {
		journal->top = index + 1;
		journal->listener[index] = entry;
		journal->pending[index / 64] |= UINT64_C(1) << index % 64;
	}
	return 0;
}

static int copy_entries(int fd, struct journal *journal, struct error *err)
{
	struct journal_head head;
	struct stat st;
	int rc = read_head(fd, &head, &st, err);

	if (rc == 0)
		rc = check_head(&head, &st, err);
	for (uint32_t i = 0; rc == 0 && i < head.listeners; i++)
		rc = copy_entry(fd, &head, i, journal, err);
	return rc;
}

int journal_check(int fd, struct error *err)
{
	return copy_entries(fd, NULL, err);
}

int journal_convert(int fd, struct journal **ret, int *ret_fd, struct error *err)
{
	cleanup_close int new_fd = -1;
	struct journal *journal;
	int rc = journal_new(&journal, &new_fd, err);

	if (rc < 0)
		return rc;
	rc = copy_entries(fd, journal, err);
	if (rc < 0) {
		munmap(journal, sizeof(*journal));
		return rc;
	}
	*ret = journal;
	*ret_fd = steal_fd(&new_fd);
	return 0;
}
