/* SPDX-License-Identifier: Apache-2.0 */
/* hook/cli/figures: their order, choice and sums, and what is counted in frames. */
#include "hook/cli/figures.h"
#include "hook/cli/figures_frames.h"
#include "hook/cli/targets.h"
#include "hook/common/ksm.h"
#include "oci-config/mode.h"
#include "tests/unit/unit.h"

static struct figures *make(void)
{
	static const struct {
		const char *id;
		int64_t saved, processes;
	} rows[] = {{"a", 5, 1}, {"ab", KSM_UNKNOWN, 2}, {"b", -7, 2}, {"c", 5, 0}};
	struct figures *figures = calloc(COUNT(rows), sizeof(*figures));

	assert_non_null(figures);
	for (size_t i = 0; i < COUNT(rows); i++) {
		figures[i].record.id = strdup(rows[i].id);
		figures[i].saved = rows[i].saved;
		figures[i].processes = rows[i].processes;
	}
	return figures;
}

static void assert_order(enum figures_key key, bool reverse, const char *expected)
{
	struct figures *figures = make();
	char text[64] = "";

	figures_sort(figures, 4, key, reverse);
	for (size_t i = 0; i < 4; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ",
			 figures[i].record.id);
	assert_string_equal(text, expected);
	figures_free(figures, 4);
}

static void order(void **state)
{
	(void)state;
	assert_order(FIGURES_SAVED, false, "a c b ab ");
	assert_order(FIGURES_SAVED, true, "b a c ab ");
	assert_order(FIGURES_PROCESSES, false, "ab b a c ");
	assert_order(FIGURES_ID, false, "a ab b c ");
	assert_order(FIGURES_ID, true, "c b ab a ");
	assert_order(FIGURES_MERGED, false, "a ab b c ");
	figures_sort(NULL, 0, FIGURES_SAVED, false);
}

static void choice(void **state)
{
	char *const args[] = {(char[]){"/some"}, (char[]){"1"}, (char[]){"other"}};
	pid_t some[] = {11, 4, 30, 31}, one[] = {31}, other[] = {4, 20};
	const struct target targets[] = {
		{.pids = some, .count = 4}, {.pids = one, .count = 1}, {.pids = other, .count = 2}};
	struct figures *figures = make();
	size_t count = 4;

	(void)state;
	/* Those of number n are 10 n and 10 n + 1. */
	for (size_t i = 0; i < count; i++) {
		figures[i].count = 2;
		figures[i].pids = calloc(2, sizeof(pid_t));
		assert_non_null(figures[i].pids);
		figures[i].pids[0] = (pid_t)i * 10;
		figures[i].pids[1] = (pid_t)i * 10 + 1;
	}
	figures[2].count = 0;
	assert_error(figures_select(figures, &count, targets, args, 3, &err), EINVAL,
		     "other: it has not asked");
	assert_int_equal(count, 4);
	assert_ok(figures_select(figures, &count, targets, args, 2, &err));
	assert_int_equal(count, 2);
	assert_string_equal(figures[0].record.id, "ab");
	assert_string_equal(figures[1].record.id, "c");
	assert_ok(figures_select(figures, &count, targets, args, 0, &err));
	assert_int_equal(count, 0);
	figures_free(figures, count);
}

static void sums(void **state)
{
	struct figures *figures = make(), total;

	(void)state;
	figures_total(figures, 4, &total);
	assert_int_equal(total.processes, 5);
	assert_true(total.saved == KSM_UNKNOWN);
	figures_total(figures, 1, &total);
	assert_int_equal(total.saved, 5);
	figures_total(figures, 0, &total);
	assert_int_equal(total.saved, 0);
	figures_free(figures, 4);
}

static void modes(void **state)
{
	char id[] = "x", why[] = "asked", before[] = "before";
	struct figures figures = {.record = {.modes = OCFG_MODE_PRELOAD, .reason = before}};
	char buf[64];

	(void)state;
	assert_string_equal(figures_mode(&figures, buf, sizeof(buf)), "preload");
	assert_string_equal(figures_reason(&figures), "before");
	figures.switched = (struct switched){.id = id, .reason = why};
	assert_string_equal(figures_mode(&figures, buf, sizeof(buf)), "off");
	assert_string_equal(figures_reason(&figures), "asked");
	figures.switched.merging = true;
	assert_string_equal(figures_mode(&figures, buf, sizeof(buf)), "preload");
	figures.record.modes = 0;
	assert_string_equal(figures_mode(&figures, buf, sizeof(buf)), "enabled");
}

/*
 * Container 0 maps frame 7 at pages 1 and 2, by two processes at one of them; container 1 has it too. Frame 8 is 1's alone. What a
 * process has at page 3 may be what another has there, unmerged.
 */
static void frames(void **state)
{
	static const struct {
		size_t container;
		uint64_t page, frame;
		bool is_merged;
	} pages[] = {
		{0, 1, 7, true},
		{0, 2, 7, true},
		{0, 1, 7, true},
		{0, 3, 7, true},
		{0, 3, 9, false},
		{0, 4, 10, false},
		{1, (UINT64_C(1) << 45) - 1, 7, true},
		{1, 1, 8, true},
		{1, 1, 8, true},
	};
	struct pairs all = {0};
	double saved[3];

	(void)state;
	for (size_t container = 0; container < 2; container++) {
		struct pairs merged = {0}, others = {0};

		for (size_t i = 0; i < COUNT(pages); i++)
			if (pages[i].container == container)
				assert_int_equal(pages_add(pages[i].is_merged ? &merged : &others,
							   pages[i].page, pages[i].frame),
						 0);
		assert_int_equal(merged_add(&all, container, &merged, &others), 0);
		free(merged.list);
		free(others.list);
	}
	merged_count(&all, saved, 3);
	free(all.list);
	/* Three pages have one frame: two are saved, of which two parts of three are container 0's. */
	assert_int_equal((int)(saved[0] * 1000 + 0.5), 1333);
	assert_int_equal((int)(saved[1] * 1000 + 0.5), 667);
	assert_true(saved[2] == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order), cmocka_unit_test(choice), cmocka_unit_test(sums),
		cmocka_unit_test(modes), cmocka_unit_test(frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
