/* SPDX-License-Identifier: Apache-2.0 */
/* hook/common/guess: given pages, how many frames are behind them. */
#include "hook/common/guess.h"
#include "tests/unit/unit.h"

#define PAGE UINT64_C(4096)
#define FREE false, false /* mapped once */
#define FORK true, false
#define KSM  true, true

struct page {
	uint64_t hash, family, address, owner;
	bool is_shared, is_merging, is_unstable;
};

struct result {
	size_t frames;
	struct estimate_figures owners[2], together;
};

static struct result guess(const struct page *pages, size_t n, uint64_t max_sharing)
{
	const struct estimate_rules rules = {.page_size = PAGE, .max_sharing = max_sharing};
	struct result result = {0};
	struct pairs list = {0};

	for (size_t i = 0; i < n; i++) {
		const struct guess_page page = {.family = pages[i].family,
						.address = pages[i].address * PAGE,
						.owner = pages[i].owner,
						.is_shared = pages[i].is_shared,
						.is_merging = pages[i].is_merging,
						.is_stable = !pages[i].is_unstable};

		assert_int_equal(pairs_add(&list, pages[i].hash, guess_low(&page)), 0);
	}
	guess_frames(&list, &rules, result.owners);
	result.frames = list.count;
	estimate_count(&list, &rules, result.owners, &result.together);
	assert_int_equal(result.together.anonymous, result.frames * PAGE);
	free(list.list);
	return result;
}
#define GUESS(pages) guess(pages, COUNT(pages), 256)

static void what_is_mapped_once_has_a_frame(void **state)
{
	/* Equal contents, also at equal addresses of one family, and one that changes. */
	static const struct page pages[] = {{1, 10, 1, 0, FREE, false},
					    {1, 10, 1, 0, FREE, false},
					    {1, 10, 2, 0, FREE, false},
					    {1, 20, 1, 1, FREE, false},
					    {2, 20, 2, 1, FREE, true}};
	struct result result = GUESS(pages);

	(void)state;
	assert_int_equal(result.frames, 5);
	assert_int_equal(result.together.within, 2 * PAGE);
	assert_int_equal(result.together.across, PAGE);
	assert_int_equal(result.owners[1].changing, PAGE);
}

static void what_fork_shares_is_one_frame(void **state)
{
	/* In a family, at an address, with a content; the copy that a child has made of it is another. */
	static const struct page pages[] = {
		{1, 10, 1, 0, FORK, false}, {1, 10, 1, 0, FORK, false}, {1, 10, 1, 1, FORK, false},
		{1, 10, 1, 0, FREE, false}, {1, 10, 2, 0, FORK, false}, {1, 10, 2, 0, FORK, false},
		{2, 10, 1, 0, FORK, false}, {1, 20, 1, 1, FORK, false}, {1, 20, 1, 1, FORK, false}};
	struct result result = GUESS(pages);

	(void)state;
	assert_int_equal(result.frames, 5);
	/* The first owner has what several share. */
	assert_int_equal(result.owners[0].anonymous, 4 * PAGE);
	assert_int_equal(result.owners[1].anonymous, PAGE);
	assert_int_equal(result.together.within, 2 * PAGE);
	assert_int_equal(result.together.across, PAGE);
	assert_int_equal(result.together.merged, 0);
	assert_int_equal(result.owners[0].merged + result.owners[1].merged, 0);
}

static void what_ksm_merges_is_one_frame_anywhere(void **state)
{
	/* The second owner's family is not merged. */
	static const struct page pages[] = {{1, 30, 9, 1, KSM, false},	{1, 10, 1, 0, KSM, false},
					    {1, 10, 2, 0, KSM, false},	{1, 20, 7, 0, KSM, false},
					    {1, 40, 1, 1, FORK, false}, {1, 40, 1, 1, FORK, false},
					    {1, 10, 5, 0, FREE, false}};
	struct result result = GUESS(pages);

	(void)state;
	assert_int_equal(result.frames, 3);
	assert_int_equal(result.owners[0].merged, PAGE);
	assert_int_equal(result.owners[1].merged, 0);
	assert_int_equal(result.owners[0].within, PAGE);
	assert_int_equal(result.together.across, PAGE);
}

static void what_forks_of_merging_programs_share_is_not_ksms(void **state)
{
	static const struct page pages[] = {
		{1, 10, 1, 0, KSM, false},
		{1, 10, 1, 0, KSM, false}, /* one place */
		{2, 10, 2, 0, KSM, false}, /* shared with somebody that is not looked at */
	};
	struct result result = GUESS(pages);

	(void)state;
	assert_int_equal(result.frames, 2);
	assert_int_equal(result.owners[0].merged, PAGE);
	assert_int_equal(result.together.within + result.together.across, 0);
}

static void what_ksm_has_several_frames_for_is_no_saving(void **state)
{
	static const struct page pages[] = {{1, 10, 1, 0, KSM, false},
					    {1, 10, 2, 0, KSM, false},
					    {1, 10, 3, 0, KSM, false},
					    {1, 10, 4, 0, KSM, false},
					    {1, 10, 5, 0, KSM, false}};
	struct result result = guess(pages, COUNT(pages), 2);

	(void)state;
	assert_int_equal(result.owners[0].merged, 3 * PAGE);
	assert_int_equal(result.owners[0].anonymous, 3 * PAGE);
	assert_int_equal(result.together.within, 0);
}

static void one_stable_page_is_a_stable_frame(void **state)
{
	/* A child has changed its page after the first look: the frame is its parent's then. */
	static const struct page pages[] = {
		{1, 10, 1, 0, FORK, true}, {1, 10, 1, 0, FORK, false}, {1, 10, 1, 1, FORK, true},
		{2, 10, 2, 0, FORK, true}, {2, 10, 2, 0, FORK, true},  {3, 10, 3, 0, KSM, true},
		{3, 10, 4, 0, KSM, false},
	};
	struct result result = GUESS(pages);

	(void)state;
	assert_int_equal(result.frames, 3);
	assert_int_equal(result.owners[0].changing, PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_mapped_once_has_a_frame),
		cmocka_unit_test(what_fork_shares_is_one_frame),
		cmocka_unit_test(what_ksm_merges_is_one_frame_anywhere),
		cmocka_unit_test(what_forks_of_merging_programs_share_is_not_ksms),
		cmocka_unit_test(what_ksm_has_several_frames_for_is_no_saving),
		cmocka_unit_test(one_stable_page_is_a_stable_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
