/* SPDX-License-Identifier: Apache-2.0 */
/* hook/cli/table: what people and programs get to read. */
#include "hook/cli/table.h"
#include "tests/unit/unit.h"

static const struct table_column columns[] = {
	{"NAME", "name", TABLE_TEXT, "a name", false},
	{"N", "n", TABLE_NUMBER, "a number", false},
	{"SIZE", "size", TABLE_SIZE, "a size", false},
	{"WHY", "why", TABLE_TEXT, "a reason", true},
};

static struct table *make(void)
{
	struct table *table = NULL;

	assert_ok(table_new(columns, COUNT(columns), "things", &table, &err));
	assert_ok(table_row(table, &err));
	assert_ok(table_text(table, 0, "a/b \"c\"", &err));
	table_number(table, 1, -7);
	table_number(table, 2, 1536);
	assert_ok(table_text(table, 3, "\033[2J\n\xff", &err));
	assert_ok(table_row(table, &err));
	assert_ok(table_text(table, 0, "d", &err));
	return table;
}

/* What table_print writes to stdout. */
static char *printed(const struct table *table, const struct table_options *options)
{
	FILE *file = tmpfile();
	int saved = dup(STDOUT_FILENO);
	char *text = calloc(1, 4096);

	assert_non_null(file);
	assert_non_null(text);
	fflush(stdout);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	assert_ok(table_print(table, options, stdout, &err));
	fflush(stdout);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	close(saved);
	assert_true(pread(fileno(file), text, 4095, 0) >= 0);
	fclose(file);
	return text;
}

static void assert_printed(const struct table_options *options, const char *expected)
{
	struct table *table = make();
	char *text = printed(table, options);

	assert_string_equal(text, expected);
	free(text);
	table_free(table);
}

static void for_people(void **state)
{
	(void)state;
	assert_printed(&(struct table_options){0}, "NAME      N  SIZE\n"
						   "a/b \"c\"  -7  1.5K\n"
						   "d         ?     ?\n");
	assert_printed(&(struct table_options){.bytes = true, .no_headings = true},
		       "a/b \"c\"  -7  1536\n"
		       "d         ?     ?\n");
	assert_printed(&(struct table_options){.columns = "+why", .no_headings = true},
		       "a/b \"c\"  -7  1.5K  \\x1b[2J\\x0a\\xff\n"
		       "d         ?     ?  -\n");
	assert_printed(&(struct table_options){.columns = "Size,name"}, "SIZE  NAME\n"
									"1.5K  a/b \"c\"\n"
									"   ?  d\n");
}

static void for_programs(void **state)
{
	struct table *table = make();
	char *text = printed(table, &(struct table_options){.json = true, .columns = "n"});
	json_object *doc = json_of(text);

	(void)state;
	assert_prints(doc,
		      "{\"version\":1,\"things\":["
		      "{\"name\":\"a/b "
		      "\\\"c\\\"\",\"n\":-7,\"size\":1536,\"why\":\"\\\\x1b[2J\\\\x0a\\\\xff\"},"
		      "{\"name\":\"d\",\"n\":null,\"size\":null,\"why\":null}]}");
	json_object_put(doc);
	free(text);
	table_free(table);
}

static void parts_of_a_whole(void **state)
{
	static const struct table_column parts[] = {
		{"R", "r", TABLE_RATIO, "a ratio", false},
		{"S", "s", TABLE_SHARE, "a share", false},
	};
	const int64_t rows[][2] = {
		{2500, 125000}, {TABLE_ENDLESS, 1000000}, {TABLE_UNKNOWN, TABLE_UNKNOWN}};
	struct table *table = NULL;
	char *text;

	(void)state;
	assert_ok(table_new(parts, COUNT(parts), "things", &table, &err));
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_ok(table_row(table, &err));
		table_number(table, 0, rows[i][0]);
		table_number(table, 1, rows[i][1]);
	}
	text = printed(table, &(struct table_options){0});
	assert_string_equal(text, "  R       S\n2.5   12.5%\ninf  100.0%\n  ?       ?\n");
	free(text);
	text = printed(table, &(struct table_options){.json = true, .compact = true});
	assert_string_equal(text, "{\"version\":1,\"things\":[{\"r\":2.500,\"s\":0.125000},"
				  "{\"r\":null,\"s\":1.000000},{\"r\":null,\"s\":null}]}\n");
	free(text);
	table_free(table);
}

static void wrong_columns(void **state)
{
	struct table *table = make();
	struct table_options options = {.columns = "name,nix"};

	(void)state;
	assert_error(table_check(table, &options, &err), EINVAL, "nix");
	options.columns = "";
	assert_error(table_check(table, &options, &err), EINVAL, "unknown column");
	options.columns = "+n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n";
	assert_error(table_check(table, &options, &err), EINVAL, "too many");
	options.columns = "+n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n";
	assert_ok(table_check(table, &options, &err));
	table_free(table);
}

static void sizes(void **state)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} cases[] = {
		{0, "0B"},
		{1, "1B"},
		{1023, "1023B"},
		{1024, "1.0K"},
		{1536, "1.5K"},
		{-1536, "-1.5K"},
		{1048575, "1.0M"},
		{1 << 20, "1.0M"},
		{-1, "-1B"},
		{INT64_MAX, "8.0E"},
		{INT64_C(5) << 30, "5.0G"},
	};
	char buf[16];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(table_size_format(cases[i].bytes, buf, sizeof(buf)),
				    cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(for_people),
		cmocka_unit_test(for_programs),
		cmocka_unit_test(parts_of_a_whole),
		cmocka_unit_test(wrong_columns),
		cmocka_unit_test(sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
