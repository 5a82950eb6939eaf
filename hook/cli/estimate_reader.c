/* SPDX-License-Identifier: Apache-2.0 */
/* The thread of estimate that reads other programs' memory. */
#include "hook/cli/estimate_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#include "hook/common/contents.h"
#include "hook/common/pagemap.h"
#include "oci-config/cleanup.h"

/* The reading thread's own. */
struct reader {
	struct scan *scan;
	unsigned generation;
	struct contents contents;
	int mem;
	size_t process;
	size_t cursor; /* second look: where in the list the process' next page may be */
	uint64_t hashes[PAGEMAP_BATCH];
	bool was_read[PAGEMAP_BATCH];
};

/* Takes the lock if this is still the thread that counts. */
static bool enter(struct reader *reader)
{
	struct scan *scan = reader->scan;

	pthread_mutex_lock(&scan->lock);
	if (reader->generation == scan->generation)
		return true;
	pthread_mutex_unlock(&scan->lock);
	return false;
}

static void leave(struct reader *reader)
{
	pthread_mutex_unlock(&reader->scan->lock);
}

static int hash_content(size_t index, const void *content, void *data)
{
	struct reader *reader = data;

	if (!content)
		return 0;
	reader->was_read[index] = true;
	reader->hashes[index] =
		XXH3_64bits_withSeed(content, reader->contents.page_size, reader->scan->seed);
	return 0;
}

/* Without the lock: this can take for ever. */
static void hash_pages(struct reader *reader, const struct pagemap_page *pages, size_t count)
{
	for (size_t i = 0; i < count; i++)
		reader->was_read[i] = false;
	(void)contents_read(&reader->contents, reader->mem, pages, count, hash_content, reader);
}

/* With the lock: the pages whose frames nobody has counted yet go to `fresh`. Their number, or -ENOMEM. */
static ssize_t take_unseen(struct reader *reader, const struct pagemap_page *pages,
			   const uint64_t *flags, size_t count, struct pagemap_page *fresh)
{
	struct scan *scan = reader->scan;
	struct estimate_figures *owner = &scan->owners[scan->processes[reader->process].owner];
	ssize_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (!contents_is_anonymous(flags[i]))
			continue;
		owner->mapped += scan->page_size;
		if (seen_has(scan->seen, pages[i].frame))
			continue;
		if (seen_add(scan->seen, pages[i].frame) < 0)
			return -ENOMEM;
		if (contents_is_merged(flags[i]))
			owner->merged += scan->page_size;
		fresh[n++] = pages[i];
	}
	return n;
}

/* With the lock: does that page, read or not, belong to the process? Where frames have flags, only such pages are read. */
static bool is_own(const struct reader *reader, const struct pagemap_page *page, size_t index)
{
	if (!reader->scan->guesses || !page->is_shared)
		return true;
	/* Device memory can be mapped, but not be read. */
	return reader->was_read[index] &&
	       !(page->may_be_empty && reader->hashes[index] == reader->scan->zero_hash);
}

/* With the lock. */
static int keep_hashes(struct reader *reader, const struct pagemap_page *pages, size_t count)
{
	struct scan *scan = reader->scan;
	struct scan_process *process = &scan->processes[reader->process];
	struct estimate_figures *owner = &scan->owners[process->owner];

	for (size_t i = 0; i < count; i++) {
		bool is_shared = scan->guesses && pages[i].is_shared;

		if (!is_own(reader, &pages[i], i))
			continue;
		if (scan->guesses)
			owner->mapped += scan->page_size;
		if (!reader->was_read[i]) {
			owner->unread += scan->page_size;
			continue;
		}
		if (pairs_add(&scan->pages, reader->hashes[i],
			      pages[i].address | (is_shared ? SHARED : 0)) < 0)
			return -ENOMEM;
		process->count++;
	}
	return 0;
}

static int keep(struct reader *reader, const struct pagemap_page *pages, size_t count)
{
	int rc;

	hash_pages(reader, pages, count);
	if (!enter(reader))
		return -ECANCELED;
	rc = keep_hashes(reader, pages, count);
	leave(reader);
	return rc;
}

static int first_look(const struct pagemap_page *pages, size_t count, void *data)
{
	struct reader *reader = data;
	bool sees_frames = contents_sees_frames(&reader->contents);
	struct pagemap_page fresh[PAGEMAP_BATCH];
	uint64_t flags[PAGEMAP_BATCH];
	ssize_t n = 0;

	if (sees_frames)
		contents_flags(&reader->contents, pages, flags, count);
	if (!enter(reader))
		return -ECANCELED;
	if (sees_frames)
		n = take_unseen(reader, pages, flags, count, fresh);
	reader->scan->looked += count;
	leave(reader);
	if (!sees_frames)
		return keep(reader, pages, count);
	return n > 0 ? keep(reader, fresh, (size_t)n) : (int)n;
}

/* With the lock: those of the pages that the first look has kept, and where in its list. */
static size_t take_known(struct reader *reader, const struct pagemap_page *pages, size_t count,
			 struct pagemap_page *known, size_t *where)
{
	const struct scan *scan = reader->scan;
	const struct scan_process *process = &scan->processes[reader->process];
	const struct pair *list = scan->pages.list;
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		while (reader->cursor < process->first + process->count &&
		       (list[reader->cursor].low & ~SHARED) < pages[i].address)
			reader->cursor++;
		if (reader->cursor == process->first + process->count)
			break;
		if ((list[reader->cursor].low & ~SHARED) != pages[i].address)
			continue;
		where[n] = reader->cursor++;
		known[n++] = pages[i];
	}
	return n;
}

static int second_look(const struct pagemap_page *pages, size_t count, void *data)
{
	struct reader *reader = data;
	struct pagemap_page known[PAGEMAP_BATCH];
	size_t where[PAGEMAP_BATCH], n;
	struct pair *list;

	if (!enter(reader))
		return -ECANCELED;
	n = take_known(reader, pages, count, known, where);
	reader->scan->looked += count;
	leave(reader);
	if (!n)
		return 0;
	hash_pages(reader, known, n);
	if (!enter(reader))
		return -ECANCELED;
	list = reader->scan->pages.list;
	for (size_t i = 0; i < n; i++)
		if (reader->was_read[i] && list[where[i]].high == reader->hashes[i])
			list[where[i]].low |= CONFIRMED;
	leave(reader);
	return 0;
}

static bool know_kin(struct reader *reader, int proc)
{
	struct kin kin = kin_read(proc, reader->mem);

	if (!enter(reader))
		return false;
	reader->scan->processes[reader->process].kin = kin;
	leave(reader);
	return true;
}

static int look_at(struct reader *reader, pid_t pid, bool again, uint64_t *swapped,
		   struct error *err)
{
	cleanup_close int proc = -1, mem = -1;
	int rc = contents_open(pid, &proc, &mem, err);

	if (rc < 0)
		return rc;
	reader->mem = mem;
	if (!again && !contents_sees_frames(&reader->contents) && !know_kin(reader, proc))
		return -ECANCELED;
	return pagemap_walk(proc, true, again ? second_look : first_look, reader, swapped, err);
}

/* With the lock: what became of that process. */
static void note(struct reader *reader, int rc, uint64_t swapped, const struct error *err)
{
	struct scan *scan = reader->scan;
	struct scan_process *process = &scan->processes[reader->process];

	if (rc == -ENOMEM) {
		scan->rc = error_set(&scan->err, ENOMEM, "list of pages");
	} else if (rc == -EACCES || rc == -EPERM) {
		process->state = SCAN_DENIED;
	} else if (rc < 0 && rc != -ESRCH && rc != -ENOENT) {
		scan->rc = rc;
		scan->err = *err;
	}
	if (scan->looks == 0) {
		scan->owners[process->owner].swapped += swapped;
		scan->owners[process->owner].processes += rc == 0;
	}
}

/* One process after the other until all are done. With the lock, which it has again at the end, if it returns true. */
static bool look_at_next(struct reader *reader)
{
	struct scan *scan = reader->scan;
	struct scan_process *process = &scan->processes[scan->at];
	bool again = scan->looks > 0;
	uint64_t swapped = 0;
	struct error err = {0};
	int rc = 0;

	reader->process = scan->at;
	if (!again)
		process->first = scan->pages.count;
	reader->cursor = process->first;
	/* What has held us up once is not touched again. */
	if (process->state == SCAN_OK) {
		leave(reader);
		rc = look_at(reader, process->pid, again, &swapped, &err);
		if (!enter(reader))
			return false;
		note(reader, rc, swapped, &err);
	}
	scan->at++;
	pthread_cond_signal(&scan->changed);
	return true;
}

/* From here on the thread uses nothing of the scan any more. */
static void reader_gone(struct scan *scan, unsigned generation)
{
	pthread_mutex_lock(&scan->lock);
	scan->readers--;
	if (generation != scan->generation)
		scan->held_up--;
	pthread_cond_signal(&scan->changed);
	pthread_mutex_unlock(&scan->lock);
}

static void *read_all(void *data)
{
	struct reader *reader = data;
	struct scan *scan = reader->scan;
	struct error err = {0};
	unsigned generation;
	int rc = contents_init_any(&reader->contents, &err);

	if (enter(reader)) {
		bool goes_on = true;

		scan->tid = gettid();
		scan->guesses = !contents_sees_frames(&reader->contents);
		if (rc < 0) {
			scan->rc = rc;
			scan->err = err;
			pthread_cond_signal(&scan->changed);
		}
		while (goes_on && scan->rc == 0 && scan->at < scan->count)
			goes_on = look_at_next(reader);
		if (goes_on)
			leave(reader);
	}
	contents_done(&reader->contents);
	generation = reader->generation;
	free(reader);
	reader_gone(scan, generation);
	return NULL;
}

int reader_start(struct scan *scan)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	pthread_t thread;
	int rc;

	if (!reader)
		return -ENOMEM;
	reader->scan = scan;
	reader->generation = scan->generation;
	reader->contents.kpageflags = -1;
	scan->tid = 0;
	rc = pthread_create(&thread, NULL, read_all, reader);
	if (rc) {
		free(reader);
		return -rc;
	}
	pthread_detach(thread);
	scan->readers++;
	return 0;
}
