/* SPDX-License-Identifier: Apache-2.0 */
/* Which pages of a process are merged. */
#include "hook/mark/merged.h"

#include <stdlib.h>
#include <unistd.h>

#include "hook/common/ksm.h"
#include "hook/common/proc.h"
#include "hook/mark/process.h"

struct walk {
	const struct contents *contents;
	merged_visit *visit;
	void *data;
	void (*go_on)(void);
	struct inject_range run;
};

static int end_run(struct walk *walk)
{
	struct inject_range run = walk->run;

	walk->run = (struct inject_range){0};
	return run.end ? walk->visit(&run, walk->data) : 0;
}

static int visit_pages(const struct pagemap_page *pages, size_t count, void *data)
{
	uint64_t flags[PAGEMAP_BATCH];
	struct walk *walk = data;
	size_t size = walk->contents->page_size;

	if (walk->go_on)
		walk->go_on();
	contents_flags(walk->contents, pages, flags, count);
	for (size_t i = 0; i < count; i++) {
		int rc = 0;

		if (!contents_is_merged(flags[i]))
			continue;
		if (walk->run.end != pages[i].address) {
			rc = end_run(walk);
			walk->run.start = pages[i].address;
		}
		if (rc)
			return rc;
		walk->run.end = pages[i].address + size;
	}
	return 0;
}

int merged_walk(const struct contents *contents, int dir, merged_visit *visit, void *data,
		void (*go_on)(void))
{
	struct walk walk = {.contents = contents, .visit = visit, .data = data, .go_on = go_on};
	uint64_t swapped = 0;
	int rc = pagemap_walk(dir, true, visit_pages, &walk, &swapped, NULL);

	return rc ? rc : end_run(&walk);
}

static int add(const struct inject_range *run, void *data)
{
	*(uint64_t *)data += run->end - run->start;
	return 0;
}

/* What is mapped in it, as smaps_rollup has it (6.8); -1: it does not say. */
static int64_t rollup_bytes(int dir)
{
	char text[4096];
	const char *value = process_read(dir, "smaps_rollup", text, sizeof(text)) < 0
				    ? NULL
				    : proc_find(text, "KSM");
	int64_t kib;

	return value && proc_number(value, &kib) == 0 && kib >= 0 ? kib << 10 : -1;
}

uint64_t merged_bytes(const struct contents *contents, bool exact, pid_t pid, int dir,
		      void (*go_on)(void))
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), bytes = 0;
	int64_t mapped = -1;
	struct ksm_process ksm;

	if (ksm_process_read(pid, &ksm, NULL) < 0)
		return 0;
	/* Without a mark only what fork has shared with a process that has one is merged: the kernel counts it there. */
	if (!exact && ksm.mergeable == 0 && ksm.merge_any == 0)
		return 0;
	if (exact && !contents)
		mapped = rollup_bytes(dir);
	if (contents && (exact || ksm.merging_pages < 0))
		merged_walk(contents, dir, add, &bytes, go_on);
	else if (mapped >= 0)
		bytes = (uint64_t)mapped;
	else if (ksm.merging_pages > 0)
		bytes = (uint64_t)ksm.merging_pages * page;
	/* The kernel's zero page in the place of empty ones. */
	if (ksm.zero_pages > 0)
		bytes += (uint64_t)ksm.zero_pages * page;
	return bytes;
}
