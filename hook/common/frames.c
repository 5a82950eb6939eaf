/* SPDX-License-Identifier: Apache-2.0 */
/* The truth about anonymous memory: page frames and their contents, counted, not estimated. */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>
#include <xxhash.h>

#include "hook/common/contents.h"
#include "hook/common/frames.h"
#include "hook/common/pagemap.h"
#include "hook/common/pairs.h"
#include "hook/common/seen.h"
#include "oci-config/cleanup.h"

/* 128 bits and a secret seed: no two contents are taken for equal, neither by chance nor on purpose. */
struct frames_set {
	unsigned flags;
	uint64_t seed;
	struct contents contents;
	struct seen *seen;
	struct pairs hashes; /* one for each frame that was read */
	struct pair zero;
	struct frames_figures pages; /* mapped, merged, unread in pages; swapped in bytes */
};

/* A process while it is added. */
struct visit {
	struct frames_set *set;
	int mem;
	struct error *err;
};

static struct pair hash(const struct frames_set *set, const void *page)
{
	XXH128_hash_t hash = XXH3_128bits_withSeed(page, set->contents.page_size, set->seed);

	return (struct pair){hash.high64, hash.low64};
}

static bool is_equal(const struct pair *a, const struct pair *b)
{
	return a->high == b->high && a->low == b->low;
}

static int add_content(size_t index, const void *content, void *data)
{
	const struct visit *visit = data;
	struct frames_set *set = visit->set;
	struct pair pair;

	(void)index;
	if (!content) {
		set->pages.unread++;
		return 0;
	}
	pair = hash(set, content);
	if (pairs_add(&set->hashes, pair.high, pair.low) < 0)
		return error_set(visit->err, ENOMEM, "hashes of pages");
	return 0;
}

/* Counts pages whose frames had not been seen; several of them may have the same frame. */
static int add_unseen(struct visit *visit, const struct pagemap_page *pages, size_t count)
{
	struct frames_set *set = visit->set;
	struct pagemap_page fresh[PAGEMAP_BATCH];
	uint64_t flags[PAGEMAP_BATCH];
	size_t n = 0;

	contents_flags(&set->contents, pages, flags, count);
	for (size_t i = 0; i < count; i++) {
		if (!contents_is_anonymous(flags[i]))
			continue;
		set->pages.mapped++;
		if (seen_has(set->seen, pages[i].frame))
			continue;
		if (seen_add(set->seen, pages[i].frame) < 0)
			return error_set(visit->err, ENOMEM, "set of frames");
		set->pages.merged += contents_is_merged(flags[i]);
		fresh[n++] = pages[i];
	}
	return contents_read(&set->contents, visit->mem, fresh, n, add_content, visit);
}

static int visit_pages(const struct pagemap_page *pages, size_t count, void *data)
{
	struct visit *visit = data;
	struct frames_set *set = visit->set;
	struct pagemap_page unseen[PAGEMAP_BATCH];
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (seen_has(set->seen, pages[i].frame))
			set->pages.mapped++;
		else
			unseen[n++] = pages[i];
	}
	return n ? add_unseen(visit, unseen, n) : 0;
}

int frames_set_add(struct frames_set *set, pid_t pid, struct error *err)
{
	cleanup_close int proc = -1, mem = -1;
	struct visit visit = {.set = set, .err = err};
	int rc = contents_open(pid, &proc, &mem, err);

	if (rc < 0)
		return rc == -ESRCH ? 0 : rc;
	visit.mem = mem;
	rc = pagemap_walk(proc, !(set->flags & FRAMES_NO_PAGEMAP_SCAN), visit_pages, &visit,
			  &set->pages.swapped, err);
	if (rc == -ENOENT || rc == -ESRCH)
		return 0;
	if (rc == 0)
		set->pages.processes++;
	return rc;
}

void frames_set_count(struct frames_set *set, struct frames_figures *ret)
{
	struct frames_figures pages = set->pages;
	const struct pair *list = set->hashes.list;
	uint64_t size = set->contents.page_size;

	pairs_sort(&set->hashes);
	pages.distinct = pages.unread;
	for (size_t i = 0; i < set->hashes.count; i++) {
		pages.distinct += i == 0 || !is_equal(&list[i - 1], &list[i]);
		pages.zero += is_equal(&list[i], &set->zero);
	}
	pages.frames = set->hashes.count + pages.unread;
	*ret = (struct frames_figures){
		.mapped = pages.mapped * size,
		.frames = pages.frames * size,
		.distinct = pages.distinct * size,
		.duplicates = (pages.frames - pages.distinct) * size,
		.zero = pages.zero * size,
		.merged = pages.merged * size,
		.unread = pages.unread * size,
		.swapped = pages.swapped,
		.processes = pages.processes,
	};
}

void frames_set_free(struct frames_set *set)
{
	if (!set)
		return;
	seen_free(set->seen);
	free(set->hashes.list);
	contents_done(&set->contents);
	free(set);
}

static int init(struct frames_set *set, unsigned flags, struct error *err)
{
	int rc = contents_init(&set->contents, err);

	if (rc < 0)
		return rc;
	set->flags = flags;
	set->seen = seen_new();
	if (!set->seen)
		return error_set(err, ENOMEM, "set of frames");
	if (getrandom(&set->seed, sizeof(set->seed), 0) != sizeof(set->seed))
		return error_set(err, errno, "random seed");
	/* Nothing has been read into it yet. */
	set->zero = hash(set, set->contents.buf);
	return 0;
}

int frames_set_new(unsigned flags, struct frames_set **ret, struct error *err)
{
	struct frames_set *set = calloc(1, sizeof(*set));
	int rc;

	if (!set)
		return error_set(err, ENOMEM, "set of frames");
	rc = init(set, flags, err);
	if (rc < 0) {
		frames_set_free(set);
		return rc;
	}
	*ret = set;
	return 0;
}
