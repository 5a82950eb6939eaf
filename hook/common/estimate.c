/* SPDX-License-Identifier: Apache-2.0 */
/* What merging would save: from hashes of pages and their owners. Nothing here looks at the machine. */
#include "hook/common/estimate.h"

#define RMAP_ITEM 64 /* sizeof(struct ksm_rmap_item) */

/* Frames of one content: a run in the sorted list, those of one owner side by side, changing ones at the end. */
struct group {
	const struct pair *pages;
	size_t count;
	const struct estimate_rules *rules;
	struct estimate_figures *owners, *together;
};

static size_t run_of_hash(const struct pair *pages, size_t count)
{
	size_t n = 1;

	while (n < count && pages[n].high == pages[0].high)
		n++;
	return n;
}

static size_t run_of_owner(const struct pair *pages, size_t count)
{
	size_t n = 1;

	while (n < count && pages[n].low == pages[0].low)
		n++;
	return n;
}

/* How many frames are left of so many equal ones. */
static uint64_t kept(const struct group *group, uint64_t count)
{
	uint64_t most = group->rules->max_sharing;

	if (group->rules->use_zero_pages && group->pages[0].high == group->rules->zero_hash)
		return 0;
	if (most < 2)
		return 1;
	return (count + most - 1) / most;
}

/* Counts an owner's frames; takes note of what is left of them when they are merged with each other, and returns that. */
static uint64_t count_owner(const struct group *group, uint64_t owner, uint64_t count)
{
	uint64_t size = group->rules->page_size;
	uint64_t zero = group->pages[0].high == group->rules->zero_hash ? count * size : 0;
	uint64_t left = kept(group, count), saved = (count - left) * size;

	group->owners[owner].anonymous += count * size;
	group->owners[owner].zero += zero;
	group->owners[owner].within += saved;
	group->together->anonymous += count * size;
	group->together->zero += zero;
	group->together->within += saved;
	return left;
}

static void count_changing(const struct group *group, uint64_t owner, uint64_t count)
{
	uint64_t size = group->rules->page_size;

	group->owners[owner].anonymous += count * size;
	group->owners[owner].changing += count * size;
	group->together->anonymous += count * size;
	group->together->changing += count * size;
}

static void share_out(const struct group *group, size_t stable, uint64_t owners, uint64_t saved)
{
	for (size_t i = 0; i < stable;) {
		group->owners[group->pages[i].low].across += saved / owners;
		i += run_of_owner(group->pages + i, stable - i);
	}
	group->together->across += saved;
}

static void count_group(const struct group *group)
{
	uint64_t left = 0, owners = 0;
	size_t i = 0, stable;

	while (i < group->count && !(group->pages[i].low & ESTIMATE_CHANGING)) {
		size_t n = run_of_owner(group->pages + i, group->count - i);

		left += count_owner(group, group->pages[i].low, n);
		owners++;
		i += n;
	}
	stable = i;
	while (i < group->count) {
		size_t n = run_of_owner(group->pages + i, group->count - i);

		count_changing(group, group->pages[i].low & ~ESTIMATE_CHANGING, n);
		i += n;
	}
	if (owners > 1)
		share_out(group, stable, owners,
			  (left - kept(group, stable)) * group->rules->page_size);
}

void estimate_count(struct pairs *pages, const struct estimate_rules *rules,
		    struct estimate_figures *owners, struct estimate_figures *together)
{
	struct group group = {.rules = rules, .owners = owners, .together = together};

	pairs_sort(pages);
	for (size_t i = 0; i < pages->count; i += group.count) {
		group.pages = pages->list + i;
		group.count = run_of_hash(group.pages, pages->count - i);
		count_group(&group);
	}
}

uint64_t estimate_books(const struct estimate_rules *rules, uint64_t mapped)
{
	return mapped / rules->page_size * RMAP_ITEM;
}
