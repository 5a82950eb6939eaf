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

struct counting {
	struct contents contents;
	struct pairs merged; /* of all containers */
	struct seen *seen;   /* frames of this container */
	size_t container, frames;
	struct error *err;
};

int merged_add(struct pairs *pages, uint64_t frame, size_t container, uint64_t address,
	       size_t page_size)
{
	/* pairs_sort wants random numbers; an odd factor takes no two frames for the same one. */
	return pairs_add(pages, frame * UINT64_C(0x9e3779b97f4a7c15),
			 (uint64_t)container << PAGE_BITS | address / page_size);
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

void merged_count(struct pairs *pages, double *saved, size_t count)
{
	for (size_t i = 0; i < count; i++)
		saved[i] = 0;
	pairs_sort(pages);
	drop_repeated(pages);
	for (size_t i = 0, end; i < pages->count; i = end) {
		for (end = i; end < pages->count && pages->list[end].high == pages->list[i].high;)
			end++;
		for (size_t n = i; n < end; n++)
			saved[pages->list[n].low >> PAGE_BITS] += 1 - 1 / (double)(end - i);
	}
}

static int visit(const struct pagemap_page *pages, size_t count, void *data)
{
	struct counting *counting = data;
	uint64_t flags[PAGEMAP_BATCH];

	contents_flags(&counting->contents, pages, flags, count);
	for (size_t i = 0; i < count; i++) {
		if (!contents_is_anonymous(flags[i]))
			continue;
		if (contents_is_merged(flags[i]) &&
		    merged_add(&counting->merged, pages[i].frame, counting->container,
			       pages[i].address, counting->contents.page_size) < 0)
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

	counting->container = index;
	counting->frames = 0;
	counting->seen = seen_new();
	if (!counting->seen)
		return error_set(err, ENOMEM, "set of frames");
	for (size_t i = 0; rc == 0 && i < figures->count; i++)
		rc = add_process(counting, figures->pids[i], err);
	seen_free(counting->seen);
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
		merged_count(&counting.merged, saved, count);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		figures[i].counted =
			(int64_t)(saved[i] * (double)counting.contents.page_size + 0.5);
		if (figures[i].zero != KSM_UNKNOWN)
			figures[i].counted += figures[i].zero;
	}
	free(counting.merged.list);
	contents_done(&counting.contents);
	return rc;
}
