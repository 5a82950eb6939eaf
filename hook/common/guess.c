/* SPDX-License-Identifier: Apache-2.0 */
/* Which pages have a frame in common, where the kernel does not tell frames' numbers (no CAP_SYS_ADMIN). Nothing here looks at the machine. */
#include "hook/common/guess.h"

/* A shared page's `low` until it is known whose frame that is: from the top two bits, a number for its place (family, address), its owner. */
#define SHARED	    (UINT64_C(1) << 62)
#define MERGING	    (UINT64_C(1) << 61) /* wherever it is */
#define PLACE_SHIFT 23
#define PLACE_MASK  ((UINT64_C(1) << 38) - 1)
#define OWNER_SHIFT 1
#define STABLE	    UINT64_C(1)

static uint64_t mix(uint64_t number)
{
	number = (number ^ number >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	number = (number ^ number >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	return number ^ number >> 32;
}

uint64_t guess_low(const struct guess_page *page)
{
	uint64_t place = mix(mix(page->family) ^ page->address) & PLACE_MASK;

	if (!page->is_shared)
		return page->owner | (page->is_stable ? 0 : ESTIMATE_CHANGING);
	return SHARED | (page->is_merging ? MERGING : 0) | place << PLACE_SHIFT |
	       page->owner << OWNER_SHIFT | (page->is_stable ? STABLE : 0);
}

static bool is_shared(const struct pair *page)
{
	return !(page->low & ESTIMATE_CHANGING) && page->low & SHARED;
}

static bool is_same_place(const struct pair *a, const struct pair *b)
{
	return a->low >> PLACE_SHIFT == b->low >> PLACE_SHIFT;
}

static uint64_t owner_of(const struct pair *page)
{
	return page->low >> OWNER_SHIFT & (GUESS_OWNERS - 1);
}

/* How many pages, from the first on, have its frame? */
static size_t run_of_frame(const struct pair *pages, size_t count)
{
	size_t n = 1;

	while (is_shared(pages) && n < count && pages[n].high == pages[0].high &&
	       (is_same_place(&pages[n], &pages[0]) || (pages[0].low & pages[n].low & MERGING)))
		n++;
	return n;
}

/* What several processes have in one place, and nobody in another, they have by fork. */
static bool is_merged(const struct pair *pages, size_t count)
{
	return pages[0].low & MERGING &&
	       (count == 1 || !is_same_place(&pages[0], &pages[count - 1]));
}

/* The frame behind so many shared pages, for estimate_count. */
static struct pair frame_of(const struct pair *pages, size_t count)
{
	uint64_t owner = owner_of(&pages[0]);
	bool is_stable = false;

	for (size_t i = 0; i < count; i++) {
		owner = owner_of(&pages[i]) < owner ? owner_of(&pages[i]) : owner;
		is_stable = is_stable || pages[i].low & STABLE;
	}
	return (struct pair){pages->high, owner | (is_stable ? 0 : ESTIMATE_CHANGING)};
}

/* What is merged, of the owner of the first frame. */
static void count_merged(const struct estimate_rules *rules, size_t count,
			 struct estimate_figures *owner)
{
	uint64_t most = rules->max_sharing, frames = most < 2 ? 1 : (count + most - 1) / most;

	owner->merged += frames * rules->page_size;
	owner->anonymous += (frames - 1) * rules->page_size;
}

void guess_frames(struct pairs *pages, const struct estimate_rules *rules,
		  struct estimate_figures *owners)
{
	struct pair *list = pages->list;
	size_t kept = 0;

	pairs_sort(pages);
	for (size_t i = 0, n; i < pages->count; i += n) {
		struct pair frame = list[i];

		n = run_of_frame(list + i, pages->count - i);
		if (is_shared(&list[i])) {
			frame = frame_of(list + i, n);
			if (is_merged(list + i, n))
				count_merged(rules, n, &owners[frame.low & ~ESTIMATE_CHANGING]);
		}
		list[kept++] = frame;
	}
	pages->count = kept;
}
