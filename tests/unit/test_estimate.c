/* SPDX-License-Identifier: Apache-2.0 */
/* hook/common/estimate: given hashes and owners, what merging would save. */
#include "hook/common/estimate.h"
#include "tests/unit/unit.h"

#define PAGE UINT64_C(4096)
#define ZERO UINT64_C(7777)

/* So many frames with this hash. */
struct frames {
	uint64_t hash, owner;
	unsigned count;
};

struct result {
	struct estimate_figures owners[3], together;
};

static struct result count(const struct frames *frames, size_t n, uint64_t max_sharing,
			   bool use_zero_pages)
{
	const struct estimate_rules rules = {.page_size = PAGE,
					     .max_sharing = max_sharing,
					     .zero_hash = ZERO,
					     .use_zero_pages = use_zero_pages};
	struct result result = {0};
	struct pairs pages = {0};
	bool more = true;

	/* Mixed, as memory is. */
	for (unsigned round = 0; more; round++) {
		more = false;
		for (size_t i = 0; i < n; i++) {
			if (round >= frames[i].count)
				continue;
			assert_int_equal(pairs_add(&pages, frames[i].hash, frames[i].owner), 0);
			more = true;
		}
	}
	estimate_count(&pages, &rules, result.owners, &result.together);
	free(pages.list);
	return result;
}
#define RESULT(frames, max_sharing, zero) count(frames, COUNT(frames), max_sharing, zero)

static void nothing_is_nothing(void **state)
{
	const struct estimate_figures none = {0};
	struct result result = count(NULL, 0, 256, false);

	(void)state;
	assert_memory_equal(&result.together, &none, sizeof(none));
}

static void equal_pages_of_one_owner(void **state)
{
	static const struct frames frames[] = {{1, 0, 5}, {2, 0, 1}, {3, 0, 2}};
	struct result result = RESULT(frames, 256, false);

	(void)state;
	assert_int_equal(result.owners[0].anonymous, 8 * PAGE);
	assert_int_equal(result.owners[0].within, 5 * PAGE);
	assert_int_equal(result.owners[0].across, 0);
	assert_memory_equal(&result.together, &result.owners[0], sizeof(result.together));
}

static void equal_pages_of_several(void **state)
{
	static const struct frames frames[] = {
		{1, 0, 3}, {1, 1, 1}, {1, 2, 2}, {2, 1, 1}, {3, 2, 1}};
	struct result result = RESULT(frames, 256, false);

	(void)state;
	/* 6 frames become one: 3 go by merging within, 2 more across, of which each of three gets a third. */
	assert_int_equal(result.together.anonymous, 8 * PAGE);
	assert_int_equal(result.together.within, 3 * PAGE);
	assert_int_equal(result.together.across, 2 * PAGE);
	assert_int_equal(result.owners[0].within, 2 * PAGE);
	assert_int_equal(result.owners[1].within, 0);
	assert_int_equal(result.owners[2].within, PAGE);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(result.owners[i].across, 2 * PAGE / 3);
}

static void the_kernel_shares_a_page_so_often(void **state)
{
	static const struct frames frames[] = {{1, 0, 300}, {1, 1, 300}, {2, 0, 256}};
	struct result result = RESULT(frames, 256, false);

	(void)state;
	/* 300 need two frames; 600 need three instead of these four; 256 need one. */
	assert_int_equal(result.together.within, (298 + 298 + 255) * PAGE);
	assert_int_equal(result.together.across, PAGE);
	assert_int_equal(result.owners[0].across, PAGE / 2);
}

static void pages_of_zeros(void **state)
{
	static const struct frames frames[] = {{ZERO, 0, 10}, {ZERO, 1, 1}, {1, 0, 1}};
	struct result result = RESULT(frames, 256, false);

	(void)state;
	assert_int_equal(result.together.zero, 11 * PAGE);
	assert_int_equal(result.together.within, 9 * PAGE);
	assert_int_equal(result.together.across, PAGE);
	/* The kernel's zero page costs nothing. */
	result = RESULT(frames, 256, true);
	assert_int_equal(result.owners[0].zero, 10 * PAGE);
	assert_int_equal(result.together.within, 11 * PAGE);
	assert_int_equal(result.together.across, 0);
}

static void changing_pages_are_not_merged(void **state)
{
	static const struct frames frames[] = {{1, 0, 2},
					       {1, 0 | ESTIMATE_CHANGING, 3},
					       {1, 1 | ESTIMATE_CHANGING, 1},
					       {ZERO, 1 | ESTIMATE_CHANGING, 4}};
	struct result result = RESULT(frames, 256, true);

	(void)state;
	assert_int_equal(result.owners[0].anonymous, 5 * PAGE);
	assert_int_equal(result.owners[0].changing, 3 * PAGE);
	assert_int_equal(result.owners[0].within, PAGE);
	assert_int_equal(result.owners[1].anonymous, 5 * PAGE);
	assert_int_equal(result.owners[1].changing, 5 * PAGE);
	assert_int_equal(result.owners[1].zero, 0);
	assert_int_equal(result.together.within + result.together.across, PAGE);
}

/* All that owners have, and the bytes that are dropped for them, is what all together have. */
static void sums_agree(void **state)
{
	struct frames frames[300];
	struct result result;
	struct estimate_figures sum = {0};
	uint64_t random = 1;

	(void)state;
	for (size_t i = 0; i < 300; i++) {
		random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
		frames[i] = (struct frames){(random >> 33) % 90, (random >> 50) % 3,
					    1 + (unsigned)(random >> 60)};
	}
	result = RESULT(frames, 4, false);
	for (size_t i = 0; i < 3; i++) {
		sum.anonymous += result.owners[i].anonymous;
		sum.within += result.owners[i].within;
		sum.across += result.owners[i].across;
	}
	assert_int_equal(sum.anonymous, result.together.anonymous);
	assert_int_equal(sum.within, result.together.within);
	assert_in_range(result.together.across - sum.across, 0, 90 * 3);
	assert_true(result.together.across > 0);
}

static void what_the_books_take(void **state)
{
	const struct estimate_rules rules = {.page_size = PAGE};

	(void)state;
	assert_int_equal(estimate_books(&rules, 1000 * PAGE), 64000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_nothing),
		cmocka_unit_test(equal_pages_of_one_owner),
		cmocka_unit_test(equal_pages_of_several),
		cmocka_unit_test(the_kernel_shares_a_page_so_often),
		cmocka_unit_test(pages_of_zeros),
		cmocka_unit_test(changing_pages_are_not_merged),
		cmocka_unit_test(sums_agree),
		cmocka_unit_test(what_the_books_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
