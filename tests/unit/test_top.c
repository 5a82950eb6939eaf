/* SPDX-License-Identifier: Apache-2.0 */
/* hook/cli/trends and screen: what changes from look to look, and how text is drawn. */
#include "hook/cli/screen.h"
#include "hook/cli/trends.h"
#include "hook/common/ksm.h"
#include "tests/unit/unit.h"

/* A look at containers "a", "b", ... with these savings; 0 stands for one that is not there. */
static struct figures *look(struct trends *trends, const int64_t *saved, size_t count,
			    double cpu_seconds, double time, struct figures *total)
{
	struct host_ksm host = {.cpu_seconds = cpu_seconds};
	struct figures *figures = calloc(count, sizeof(*figures));
	size_t n = 0;

	assert_non_null(figures);
	for (size_t i = 0; i < count; i++) {
		const char id[] = {(char)('a' + i), '\0'};

		if (!saved[i])
			continue;
		figures[n] = (struct figures){
			.saved = saved[i],
			.share = 250000,
			.change = KSM_UNKNOWN,
			.trend = KSM_UNKNOWN,
			.ksmd = KSM_UNKNOWN,
		};
		figures[n++].record.id = strdup(id);
	}
	assert_ok(trends_update(trends, figures, n, total, &host, time, &err));
	return figures;
}

static void changes(void **state)
{
	struct trends trends = {0};
	struct figures total, *figures;

	(void)state;
	figures = look(&trends, (const int64_t[]){10, 20}, 2, 5, 100, &total);
	assert_true(figures[0].change == KSM_UNKNOWN && figures[0].trend == KSM_UNKNOWN);
	assert_true(figures[0].ksmd == KSM_UNKNOWN && total.ksmd == KSM_UNKNOWN);
	assert_true(total.saved == 30 && total.change == KSM_UNKNOWN && trends.interval < 0);
	figures_free(figures, 2);

	/* ksmd has used half a CPU, a quarter of it for each. */
	figures = look(&trends, (const int64_t[]){15, 18}, 2, 6, 102, &total);
	assert_true(figures[0].change == 5 && figures[0].trend == 5);
	assert_true(figures[1].change == -2 && figures[1].trend == -2);
	assert_int_equal(figures[0].ksmd, 125000);
	assert_true(total.change == 3 && total.trend == 3 && total.ksmd == 250000);
	assert_true(trends.interval == 2 && trends.ksmd == 0.5);
	figures_free(figures, 2);

	/* b is gone, c has come; the total is what all save. */
	figures = look(&trends, (const int64_t[]){16, 0, 100}, 3, 6, 103, &total);
	assert_true(figures[0].change == 1 && figures[0].trend == 6 && figures[0].ksmd == 0);
	assert_string_equal(figures[1].record.id, "c");
	assert_true(figures[1].change == KSM_UNKNOWN && figures[1].trend == KSM_UNKNOWN);
	assert_true(total.change == 83 && total.trend == 86);
	figures_free(figures, 2);

	/* b is another one; a cannot be known this time, which is not remembered. */
	figures = look(&trends, (const int64_t[]){KSM_UNKNOWN, 7, 90}, 3, -1, 104, &total);
	assert_true(figures[0].change == KSM_UNKNOWN && figures[0].trend == KSM_UNKNOWN);
	assert_true(figures[1].trend == KSM_UNKNOWN && figures[2].change == -10);
	assert_true(total.change == KSM_UNKNOWN && total.ksmd == KSM_UNKNOWN);
	figures_free(figures, 3);
	figures = look(&trends, (const int64_t[]){17}, 1, 9, 105, &total);
	assert_true(figures[0].change == KSM_UNKNOWN && figures[0].trend == 7);
	assert_true(figures[0].ksmd == KSM_UNKNOWN);
	figures_free(figures, 1);
	trends_done(&trends);
}

static void assert_drawn(const char *text, size_t rows, size_t columns, int heading,
			 const char *expected)
{
	char *drawn = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&drawn, &len);

	assert_non_null(out);
	screen_draw(out, text, rows, columns, heading);
	fclose(out);
	assert_string_equal(drawn, expected);
	free(drawn);
}

static void screens(void **state)
{
	(void)state;
	assert_drawn("abc\nde\n", 3, 80, -1, "\033[Habc\033[K\r\nde\033[K\r\n\033[J");
	/* No line end after the last row: that would scroll. */
	assert_drawn("abc\nde\n", 2, 2, -1, "\033[Hab\033[K\r\nde\033[K\033[J");
	/* The heading is inverse from edge to edge. */
	assert_drawn("a\nbcdefg", 9, 4, 0, "\033[H\033[7ma   \033[m\033[K\r\nbcde\033[K\r\n\033[J");
	assert_drawn("a\nb\nc\nd\n", 3, 80, -1,
		     "\033[Ha\033[K\r\nb\033[K\r\n... and 2 more\033[K\033[J");
	assert_drawn("a\nb\n", 1, 5, 0, "\033[H... a\033[K\033[J");
	assert_drawn("", 2, 5, -1, "\033[H\033[J");
	assert_drawn("\n\n", 2, 5, 1, "\033[H\033[K\r\n\033[7m     \033[m\033[K\033[J");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes),
		cmocka_unit_test(screens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
