/* SPDX-License-Identifier: Apache-2.0 */
/* What merging saves, counted in page frames: `status --frames`. */
#include "hook/cli/figures_frames.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "hook/common/contents.h"
#include "hook/common/ksm.h"
#include "hook/common/seen.h"
#include "oci-config/cleanup.h"

/* Pages are numbered with 45 bits (57 of address), which leaves 19 for containers. */
#define PAGE_BITS      45
#define CONTAINERS_MAX (UINT64_C(1) << (64 - PAGE_BITS))

/* pairs_sort wants random numbers; an odd factor takes no two numbers for the same one, and has an inverse. */
#define MIX   UINT64_C(0x9e3779b97f4a7c15)
#define UNMIX UINT64_C(0xf1de83e19937733d)

struct counting {
	struct contents contents;
	struct pairs all; /* merged, of all containers */
	/* Of the container at hand. */
	struct pairs merged, others;
	struct seen *seen;
	size_t frames;
	struct error *err;
};

int pages_add(struct pairs *pages, uint64_t page, uint64_t frame)
{
	return pairs_add(pages, page * MIX, frame);
}

int merged_add(struct pairs *all, size_t container, struct pairs *merged, struct pairs *others)
{
	const struct pair *other = others->list, *end = other + others->count;

	pairs_sort(merged);
	pairs_sort(others);
	for (size_t i = 0; i < merged->count; i++) {
		const struct pair *page = &merged->list[i];

		while (other < end && other->high < page->high)
			other++;
		if (other < end && other->high == page->high)
			continue;
		if (pairs_add(all, page->low * MIX,
			      (uint64_t)container << PAGE_BITS | page->high * UNMIX) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Without those that are equal, in place. */
static void drop_repeated(struct pairs *pages)
{
	size_t kept = 0;

	for (size_t i = 0; i < pages->count; i++)
		if (!kept || pages->list[kept - 1].high != pages->list[i].high ||
		    pages->list[kept - 1].low != pages->list[i].low)
			pages->list[kept++] = pages->list[i];
	pages->count = kept;
}

void merged_count(struct pairs *all, double *saved, size_t count)
{
	for (size_t i = 0; i < count; i++)
		saved[i] = 0;
	pairs_sort(all);
	drop_repeated(all);
	for (size_t i = 0, end; i < all->count; i = end) {
		for (end = i; end < all->count && all->list[end].high == all->list[i].high;)
			end++;
		for (size_t n = i; n < end; n++)
			saved[all->list[n].low >> PAGE_BITS] += 1 - 1 / (double)(end - i);
	}
}

static int visit(const struct pagemap_page *pages, size_t count, void *data)
{
	struct counting *counting = data;
	uint64_t flags[PAGEMAP_BATCH];

	contents_flags(&counting->contents, pages, flags, count);
	for (size_t i = 0; i < count; i++) {
		struct pairs *list =
			contents_is_merged(flags[i]) ? &counting->merged : &counting->others;

		if (!contents_is_anonymous(flags[i]))
			continue;
		if (pages_add(list, pages[i].address / counting->contents.page_size,
			      pages[i].frame) < 0)
			return error_set(counting->err, ENOMEM, "list of pages");
		if (seen_has(counting->seen, pages[i].frame))
			continue;
		if (seen_add(counting->seen, pages[i].frame) < 0)
			return error_set(counting->err, ENOMEM, "set of frames");
		counting->frames++;
	}
	return 0;
}

static int add_process(struct counting *counting, pid_t pid, struct error *err)
{
	cleanup_close int proc = -1;
	uint64_t swapped = 0;
	char path[32];
	int rc;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return 0;
	counting->err = err;
	rc = pagemap_walk(proc, true, visit, counting, &swapped, err);
	return rc == -ENOENT || rc == -ESRCH ? 0 : rc;
}

static int add_container(struct counting *counting, struct figures *figures, size_t index,
			 struct error *err)
{
	int rc = 0;

	counting->frames = counting->merged.count = counting->others.count = 0;
	counting->seen = seen_new();
	if (!counting->seen)
		return error_set(err, ENOMEM, "set of frames");
	for (size_t i = 0; rc == 0 && i < figures->count; i++)
		rc = add_process(counting, figures->pids[i], err);
	seen_free(counting->seen);
	if (rc == 0 && merged_add(&counting->all, index, &counting->merged, &counting->others) < 0)
		rc = error_set(err, ENOMEM, "list of pages");
	if (rc == 0)
		figures->frames = (int64_t)(counting->frames * counting->contents.page_size);
	return rc;
}

int figures_count(struct figures *figures, size_t count, struct error *err)
{
	cleanup_free double *saved = calloc(count + 1, sizeof(*saved));
	struct counting counting = {0};
	int rc = contents_init(&counting.contents, err);

	if (rc == 0 && (!saved || count > CONTAINERS_MAX))
		rc = error_set(err, ENOMEM, "list of containers");
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = add_container(&counting, &figures[i], i, err);
	if (rc == 0)
		merged_count(&counting.all, saved, count);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		figures[i].counted =
			(int64_t)(saved[i] * (double)counting.contents.page_size + 0.5);
		if (figures[i].zero != KSM_UNKNOWN)
			figures[i].counted += figures[i].zero;
	}
	free(counting.all.list);
	free(counting.merged.list);
	free(counting.others.list);
	contents_done(&counting.contents);
	return rc;
}
