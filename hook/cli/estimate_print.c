/* SPDX-License-Identifier: Apache-2.0 */
/* How estimate shows its figures: a table and sentences, or JSON. */
#include "hook/cli/estimate_print.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hook/common/ksm.h"
#include "oci-config/json.h"

#define BAR "##############################"

enum {
	TARGET,
	NAME,
	PROCESSES,
	ANONYMOUS,
	WITHIN,
	ACROSS,
	SAVED,
	ZERO,
	CHANGING,
	MERGED,
	UNREAD,
	SWAPPED,
	MAPPED,
	COLUMNS
};

static const struct table_column columns[COLUMNS] = {
	[TARGET] = {"TARGET", "target", TABLE_TEXT, "container, cgroup or process", false},
	[NAME] = {"NAME", "name", TABLE_TEXT, "what its engine calls the container", false},
	[PROCESSES] = {"PROCS", "processes", TABLE_NUMBER, "processes that were looked at", false},
	[ANONYMOUS] = {"ANON", "anonymous", TABLE_SIZE,
		       "anonymous memory in RAM; what fork shares counts once", false},
	[WITHIN] = {"WITHIN", "within", TABLE_SIZE, "saved by merging equal pages of its own",
		    false},
	[ACROSS] = {"ACROSS", "across", TABLE_SIZE,
		    "saved by merging with the others, its part of it", false},
	[SAVED] = {"SAVED", "saved", TABLE_SIZE, "both together", false},
	[ZERO] = {"ZERO", "zero", TABLE_SIZE, "of ANON: pages of zeros", false},
	[CHANGING] = {"CHANGING", "changing", TABLE_SIZE,
		      "of ANON: changed between two looks, would not be merged", false},
	[MERGED] = {"MERGED", "merged", TABLE_SIZE, "of ANON: pages that KSM has made already",
		    true},
	[UNREAD] = {"UNREAD", "unread", TABLE_SIZE, "of ANON: pages that could not be read", true},
	[SWAPPED] = {"SWAPPED", "swapped", TABLE_SIZE, "besides, in swap: not looked at", true},
	[MAPPED] = {"MAPPED", "mapped", TABLE_SIZE, "what ksmd would have to scan", true},
};

static const struct {
	size_t column;
	size_t offset;
} numbers[] = {
	{PROCESSES, offsetof(struct estimate_figures, processes)},
	{ANONYMOUS, offsetof(struct estimate_figures, anonymous)},
	{WITHIN, offsetof(struct estimate_figures, within)},
	{ACROSS, offsetof(struct estimate_figures, across)},
	{ZERO, offsetof(struct estimate_figures, zero)},
	{CHANGING, offsetof(struct estimate_figures, changing)},
	{MERGED, offsetof(struct estimate_figures, merged)},
	{UNREAD, offsetof(struct estimate_figures, unread)},
	{SWAPPED, offsetof(struct estimate_figures, swapped)},
	{MAPPED, offsetof(struct estimate_figures, mapped)},
};

static int64_t number_of(const struct estimate_figures *figures, size_t offset)
{
	uint64_t value;

	memcpy(&value, (const char *)figures + offset, sizeof(value));
	return (int64_t)value;
}

static int64_t saved_of(const struct estimate_figures *figures)
{
	return (int64_t)(figures->within + figures->across);
}

/* What ksmd would have to do, at the settings that it has now. */
struct cost {
	int64_t pages, books;
	int64_t pages_to_scan, sleep; /* ms; KSM_UNKNOWN */
	double seconds;		      /* of a scan, for its pauses; -1: not known */
};

static struct cost cost_of(const struct estimate_figures *together)
{
	const struct estimate_rules rules = {.page_size = (uint64_t)sysconf(_SC_PAGESIZE)};
	struct cost cost = {
		.pages = (int64_t)(together->mapped / rules.page_size),
		.books = (int64_t)estimate_books(&rules, together->mapped),
		.pages_to_scan = ksm_sys_get("pages_to_scan"),
		.sleep = ksm_sys_get("sleep_millisecs"),
		.seconds = -1,
	};

	/* Without a pause it is as fast as its CPU is. */
	if (cost.pages_to_scan > 0 && cost.sleep > 0)
		cost.seconds =
			(double)cost.pages / (double)cost.pages_to_scan * (double)cost.sleep / 1000;
	return cost;
}

static int add_row(struct table *table, const char *name, const char *called,
		   const struct estimate_figures *figures, struct error *err)
{
	int rc = table_row(table, err);

	if (rc == 0)
		rc = table_text(table, TARGET, name, err);
	if (rc == 0 && called)
		rc = table_text(table, NAME, called, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		table_number(table, numbers[i].column, number_of(figures, numbers[i].offset));
	table_number(table, SAVED, saved_of(figures));
	return 0;
}

static int add_number(json_object *object, const char *key, int64_t number, struct error *err)
{
	return ocfg_json_add(object, key, json_object_new_int64(number), err);
}

static int add_together(json_object *more, const struct estimate_figures *together,
			struct error *err)
{
	json_object *object = json_object_new_object();
	int rc = ocfg_json_add(more, "together", object, err);

	for (size_t i = 0; rc == 0 && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		rc = add_number(object, columns[numbers[i].column].key,
				number_of(together, numbers[i].offset), err);
	return rc < 0 ? rc : add_number(object, columns[SAVED].key, saved_of(together), err);
}

static int add_cost(json_object *more, const struct cost *cost, struct error *err)
{
	json_object *object = json_object_new_object();
	int rc = ocfg_json_add(more, "ksmd", object, err);

	if (rc == 0)
		rc = add_number(object, "pages", cost->pages, err);
	if (rc == 0)
		rc = add_number(object, "memory", cost->books, err);
	if (rc < 0)
		return rc;
	if (cost->seconds < 0)
		return ocfg_json_add_null(object, "scan_seconds", err);
	return ocfg_json_add(object, "scan_seconds", json_object_new_double(cost->seconds), err);
}

static void print_cost(const struct estimate_result *result, const struct cost *cost)
{
	char books[16], saved[16], profit[16];
	int64_t bytes = saved_of(&result->together);

	table_size_format(cost->books, books, sizeof(books));
	table_size_format(bytes, saved, sizeof(saved));
	table_size_format(bytes - cost->books, profit, sizeof(profit));
	printf("\nksmd would scan %" PRId64 " pages, and its books of them would take %s: %s less "
	       "that is %s.\n",
	       cost->pages, books, saved, profit);
	if (cost->seconds >= 0)
		printf("At %" PRId64 " pages each %" PRId64
		       " ms a scan of these takes %.0f s. Pages merge at the second one at the "
		       "earliest.\n",
		       cost->pages_to_scan, cost->sleep, cost->seconds);
	if (result->guessed)
		puts("Without CAP_SYS_ADMIN frames cannot be seen: where programs fork or merge "
		     "already, it may save a little more.");
}

static int print_people(struct table *table, const struct estimate_result *result,
			const struct table_options *options, struct error *err)
{
	struct cost cost = cost_of(&result->together);
	int rc = 0;

	if (result->count != 1)
		rc = add_row(table, "together", NULL, &result->together, err);
	if (rc == 0)
		rc = table_print(table, options, stdout, err);
	if (rc == 0 && !options->no_headings)
		print_cost(result, &cost);
	return rc;
}

static int print_json(struct table *table, const struct estimate_result *result,
		      const struct table_options *options, struct error *err)
{
	cleanup_json json_object *more = json_object_new_object();
	struct table_options with_more = *options;
	struct cost cost = cost_of(&result->together);
	int rc = more ? 0 : error_set(err, ENOMEM, "JSON");

	if (rc == 0)
		rc = add_together(more, &result->together, err);
	if (rc == 0)
		rc = add_cost(more, &cost, err);
	if (rc == 0)
		rc = ocfg_json_add(more, "frames",
				   json_object_new_string(result->guessed ? "guessed" : "counted"),
				   err);
	with_more.more = more;
	return rc < 0 ? rc : table_print(table, &with_more, stdout, err);
}

int estimate_print(const struct estimate_result *result, const struct table_options *options,
		   struct error *err)
{
	struct table *table = NULL;
	int rc = table_new(columns, COLUMNS, "targets", &table, err);

	for (size_t i = 0; rc == 0 && i < result->count; i++)
		rc = add_row(table, result->targets[i].name, result->targets[i].called,
			     &result->figures[i], err);
	if (rc == 0)
		rc = options->json ? print_json(table, result, options, err)
				   : print_people(table, result, options, err);
	table_free(table);
	return rc;
}

int estimate_check(const struct table_options *options, struct error *err)
{
	struct table *table = NULL;
	int rc = table_new(columns, COLUMNS, "targets", &table, err);

	if (rc == 0)
		rc = table_check(table, options, err);
	table_free(table);
	return rc;
}

void estimate_usage(void)
{
	table_usage(columns, COLUMNS);
}

void estimate_bar(double share, uint64_t bytes)
{
	static const int width = sizeof(BAR) - 1;
	char size[16];
	int done;

	/* Programs grow. */
	share = share > 1 ? 1 : share;
	done = (int)(share * width);
	fprintf(stderr, "\r  [%.*s%*s] %3.0f %%  %s \x1b[K", done, BAR, width - done, "",
		share * 100, table_size_format((int64_t)bytes, size, sizeof(size)));
}

void estimate_bar_end(void)
{
	fputs("\r\x1b[K", stderr);
}
