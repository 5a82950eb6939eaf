/* SPDX-License-Identifier: Apache-2.0 */
/* The profit guard's decisions, as tables. */
#include "hook/notify/steward/profit_rule.h"
#include "tests/unit/unit.h"

#define UNKNOWN KSM_UNKNOWN

static void judges(void **state)
{
	static const struct {
		struct profit_figures figures; /* processes, rmap_items, merging, zero, profit */
		enum profit_answer answer;
	} cases[] = {
		{{0, 0, 0, 0, 0}, PROFIT_UNKNOWN},
		{{1, 1000, UNKNOWN, UNKNOWN, UNKNOWN}, PROFIT_UNKNOWN},
		/* Too small to matter, whatever it saves. */
		{{1, 255, 0, 0, -16320}, PROFIT_PAYS},
		{{1, 256, 0, 0, -16384}, PROFIT_LOSES},
		/* The kernel's own reckoning has precedence. */
		{{2, 100000, 0, 0, 0}, PROFIT_PAYS},
		{{2, 100000, 100000, 0, -1}, PROFIT_LOSES},
		/* Without it: rmap_items / merging_pages > 64. */
		{{1, 6400, 100, UNKNOWN, UNKNOWN}, PROFIT_PAYS},
		{{1, 6401, 100, UNKNOWN, UNKNOWN}, PROFIT_LOSES},
		{{1, 6401, 100, 1, UNKNOWN}, PROFIT_PAYS},
		{{1, 6400, 0, UNKNOWN, UNKNOWN}, PROFIT_LOSES},
		{{1, INT64_MAX / 4096, 1, 0, UNKNOWN}, PROFIT_LOSES},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (profit_judge(&cases[i].figures, 4096) != cases[i].answer)
			fail_msg("case %zu: %d", i, profit_judge(&cases[i].figures, 4096));
}

static void decides(void **state)
{
	static const struct ocfg_profit_guard on = {.enable = true, .scans = 3}, off = {.scans = 3};
	static const struct {
		const struct ocfg_profit_guard *settings;
		struct profit_now now;	     /* answer, scans, time */
		struct profit_before before; /* merging, scans, retry_at */
		enum profit_decision decision;
	} cases[] = {
		{&on, {PROFIT_LOSES, 104, 0}, {true, 100, 0}, PROFIT_DISABLE},
		{&on, {PROFIT_LOSES, 1000, 0}, {true, 100, 0}, PROFIT_DISABLE},
		/* Three whole ones, besides the one that had begun. */
		{&on, {PROFIT_LOSES, 103, 0}, {true, 100, 0}, PROFIT_KEEP},
		{&on, {PROFIT_LOSES, 100, 0}, {true, 100, 0}, PROFIT_KEEP},
		{&on, {PROFIT_PAYS, 1000, 0}, {true, 100, 0}, PROFIT_KEEP},
		{&on, {PROFIT_UNKNOWN, 1000, 0}, {true, 100, 0}, PROFIT_KEEP},
		/* The kernel has begun to count again. */
		{&on, {PROFIT_LOSES, 5, 0}, {true, 100, 0}, PROFIT_KEEP},
		/* Paused: time alone counts. */
		{&on, {PROFIT_LOSES, 1000, 49}, {false, 100, 50}, PROFIT_KEEP},
		{&on, {PROFIT_LOSES, 100, 50}, {false, 100, 50}, PROFIT_RETRY},
		{&on, {PROFIT_UNKNOWN, 0, 51}, {false, 100, 50}, PROFIT_RETRY},
		{&on, {PROFIT_PAYS, 1000, 1u << 30}, {false, 100, 0}, PROFIT_KEEP},
		/* Not configured any more: what was said holds. */
		{&off, {PROFIT_LOSES, 1000, 0}, {true, 100, 0}, PROFIT_KEEP},
		{&off, {PROFIT_PAYS, 1000, 49}, {false, 100, 50}, PROFIT_KEEP},
		{&off, {PROFIT_PAYS, 1000, 51}, {false, 100, 50}, PROFIT_RETRY},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		enum profit_decision decision =
			profit_decide(cases[i].settings, &cases[i].now, &cases[i].before);

		if (decision != cases[i].decision)
			fail_msg("case %zu: %d", i, decision);
	}
}

static void pauses_grow(void **state)
{
	static const struct ocfg_profit_guard guard = {.pause = 600, .pause_max = 4000};
	static const uint64_t expected[] = {600, 1200, 2400, 4000, 4000};
	uint64_t pause = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(expected); i++) {
		pause = profit_pause(&guard, pause);
		assert_int_equal(pause, expected[i]);
	}
	assert_int_equal(profit_pause(&guard, UINT64_MAX), 4000);
}

static void sums_up(void **state)
{
	static const struct ksm_process known = {
		.rmap_items = 100, .merging_pages = 10, .zero_pages = 1, .profit = 5};
	static const struct ksm_process old = {
		.rmap_items = 100, .merging_pages = 10, .zero_pages = UNKNOWN, .profit = UNKNOWN};
	static const struct ksm_process none = {.rmap_items = UNKNOWN,
						.merging_pages = UNKNOWN,
						.zero_pages = UNKNOWN,
						.profit = UNKNOWN};
	struct profit_figures sum = {0};
	char text[128];

	(void)state;
	profit_add(&sum, &none);
	assert_string_equal(profit_text(&sum, 4096, text, sizeof(text)), "no figures");
	profit_add(&sum, &known);
	profit_add(&sum, &known);
	profit_add(&sum, &none);
	assert_int_equal(sum.processes, 2);
	assert_int_equal(sum.rmap_items, 200);
	assert_int_equal(sum.zero_pages, 2);
	assert_int_equal(sum.profit, 10);
	assert_string_equal(profit_text(&sum, 4096, text, sizeof(text)),
			    "200 pages watched (12 KiB of books), 22 of them merged (88 KiB)");
	profit_add(&sum, &old);
	assert_int_equal(sum.merging_pages, 30);
	assert_true(sum.profit == UNKNOWN && sum.zero_pages == UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges),
		cmocka_unit_test(decides),
		cmocka_unit_test(pauses_grow),
		cmocka_unit_test(sums_up),
	};

	return cmocka_run_group_tests_name("profit", tests, NULL, NULL);
}
