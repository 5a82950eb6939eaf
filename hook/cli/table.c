/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: what commands print, for people in chosen columns, or as JSON with all of them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "hook/cli/table.h"
#include "hook/common/escape.h"
#include "oci-config/cleanup.h"

struct cell {
	char *text;
	int64_t number;
};

struct table {
	const struct table_column *columns;
	size_t count;
	const char *array;
	struct cell *cells; /* rows * count */
	size_t rows;
};

/* Columns to show, in this order. */
struct choice {
	size_t columns[TABLE_COLUMNS];
	size_t count;
};

int table_new(const struct table_column *columns, size_t count, const char *array,
	      struct table **ret, struct error *err)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return error_set(err, ENOMEM, "table");
	*table = (struct table){.columns = columns, .count = count, .array = array};
	*ret = table;
	return 0;
}

void table_free(struct table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->rows * table->count; i++)
		free(table->cells[i].text);
	free(table->cells);
	free(table);
}

int table_row(struct table *table, struct error *err)
{
	struct cell *grown =
		reallocarray(table->cells, (table->rows + 1) * table->count, sizeof(*grown));

	if (!grown)
		return error_set(err, ENOMEM, "table");
	table->cells = grown;
	for (size_t i = 0; i < table->count; i++)
		grown[table->rows * table->count + i] = (struct cell){.number = TABLE_UNKNOWN};
	table->rows++;
	return 0;
}

static struct cell *cell_at(const struct table *table, size_t row, size_t column)
{
	return &table->cells[row * table->count + column];
}

int table_text(struct table *table, size_t column, const char *text, struct error *err)
{
	struct cell *cell = cell_at(table, table->rows - 1, column);
	size_t size = ESCAPED_SIZE(strlen(text ? text : ""));

	cell->text = malloc(size);
	if (!cell->text)
		return error_set(err, ENOMEM, "table");
	escape(text ? text : "", cell->text, size);
	return 0;
}

void table_number(struct table *table, size_t column, int64_t number)
{
	cell_at(table, table->rows - 1, column)->number = number;
}

const char *table_size_format(int64_t bytes, char *buf, size_t size)
{
	static const char units[] = "BKMGTPE";
	double value = (double)bytes;
	size_t unit = 0;

	while ((value >= 1023.95 || value <= -1023.95) && units[unit + 1]) {
		value /= 1024;
		unit++;
	}
	snprintf(buf, size, unit ? "%.1f%c" : "%.0f%c", value, units[unit]);
	return buf;
}

static int choose_one(const struct table *table, const char *name, struct choice *ret,
		      struct error *err)
{
	for (size_t i = 0; i < table->count; i++) {
		if (strcasecmp(table->columns[i].name, name) != 0)
			continue;
		if (ret->count == TABLE_COLUMNS)
			return error_set(err, EINVAL, "too many columns");
		ret->columns[ret->count++] = i;
		return 0;
	}
	return error_set(err, EINVAL, "unknown column: %s", name);
}

static int choose(const struct table *table, const char *list, struct choice *ret,
		  struct error *err)
{
	cleanup_free char *names = NULL;
	char *rest;
	int rc = 0;

	ret->count = 0;
	for (size_t i = 0; i < table->count && (!list || *list == '+'); i++)
		if (!table->columns[i].hidden)
			ret->columns[ret->count++] = i;
	if (!list)
		return 0;
	names = strdup(list + (*list == '+'));
	if (!names)
		return error_set(err, ENOMEM, "list of columns");
	rest = names;
	while (rc == 0 && rest)
		rc = choose_one(table, strsep(&rest, ","), ret, err);
	return rc;
}

int table_check(const struct table *table, const struct table_options *options, struct error *err)
{
	struct choice choice;

	return choose(table, options->columns, &choice, err);
}

static const char *format_fraction(enum table_type type, int64_t number, char *buf, size_t size)
{
	if (number == TABLE_ENDLESS)
		return "inf";
	if (type == TABLE_RATIO)
		snprintf(buf, size, "%.1f", (double)number / 1e3);
	else
		snprintf(buf, size, "%.1f%%", (double)number / 1e4);
	return buf;
}

static const char *format_time(int64_t seconds, char *buf, size_t size)
{
	time_t at = (time_t)seconds;
	struct tm utc;

	if (!gmtime_r(&at, &utc) || !strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &utc))
		return "?";
	return buf;
}

/* The text of a cell, in buf where it has to be made. */
static const char *format(const struct table *table, size_t row, size_t column,
			  const struct table_options *options, char *buf, size_t size)
{
	const struct cell *cell = cell_at(table, row, column);
	enum table_type type = table->columns[column].type;

	if (type == TABLE_TEXT)
		return cell->text && *cell->text ? cell->text : "-";
	if (cell->number == TABLE_UNKNOWN)
		return "?";
	if (type == TABLE_SIZE && !options->bytes)
		return table_size_format(cell->number, buf, size);
	if (type == TABLE_TIME)
		return format_time(cell->number, buf, size);
	if (type == TABLE_RATIO || type == TABLE_SHARE)
		return format_fraction(type, cell->number, buf, size);
	snprintf(buf, size, "%" PRId64, cell->number);
	return buf;
}

static void print_cell(FILE *out, const char *text, int width, bool is_text, bool is_last)
{
	if (is_text)
		fprintf(out, "%-*s%s", is_last ? 0 : width, text, is_last ? "\n" : "  ");
	else
		fprintf(out, "%*s%s", width, text, is_last ? "\n" : "  ");
}

static void print_plain(const struct table *table, const struct table_options *options,
			const struct choice *choice, FILE *out)
{
	int widths[TABLE_COLUMNS] = {0};
	char buf[32];

	for (size_t i = 0; i < choice->count; i++) {
		size_t column = choice->columns[i];

		if (!options->no_headings)
			widths[i] = (int)strlen(table->columns[column].name);
		for (size_t row = 0; row < table->rows; row++) {
			int len =
				(int)strlen(format(table, row, column, options, buf, sizeof(buf)));

			widths[i] = len > widths[i] ? len : widths[i];
		}
	}
	for (size_t row = 0; row < table->rows + !options->no_headings; row++) {
		for (size_t i = 0; i < choice->count; i++) {
			const struct table_column *column = &table->columns[choice->columns[i]];
			bool is_heading = row == 0 && !options->no_headings;
			const char *text = column->name;

			if (!is_heading)
				text = format(table, row - !options->no_headings,
					      choice->columns[i], options, buf, sizeof(buf));
			print_cell(out, text, widths[i], column->type == TABLE_TEXT,
				   i + 1 == choice->count);
		}
	}
}

static json_object *cell_json(const struct table_column *column, const struct cell *cell)
{
	bool is_ratio = column->type == TABLE_RATIO;
	char text[32];

	if (column->type == TABLE_TEXT)
		return json_object_new_string(cell->text);
	if (is_ratio || column->type == TABLE_SHARE) {
		double value = (double)cell->number / (is_ratio ? 1e3 : 1e6);

		snprintf(text, sizeof(text), "%.*f", is_ratio ? 3 : 6, value);
		return json_object_new_double_s(value, text);
	}
	return json_object_new_int64(cell->number);
}

static int add_row_json(const struct table *table, size_t row, json_object *array,
			struct error *err)
{
	json_object *object = json_object_new_object();
	int rc = ocfg_json_append(array, object, err);

	for (size_t i = 0; rc == 0 && i < table->count; i++) {
		const struct cell *cell = cell_at(table, row, i);

		if (table->columns[i].type == TABLE_TEXT
			    ? !cell->text
			    : cell->number == TABLE_UNKNOWN || cell->number == TABLE_ENDLESS)
			rc = ocfg_json_add_null(object, table->columns[i].key, err);
		else
			rc = ocfg_json_add(object, table->columns[i].key,
					   cell_json(&table->columns[i], cell), err);
	}
	return rc;
}

static int add_more(json_object *doc, json_object *more, struct error *err)
{
	if (!more)
		return 0;
	/* NULL is null here, not a lack of memory. */
	json_object_object_foreach(more, key, value)
	{
		if (json_object_object_add(doc, key, json_object_get(value)) < 0)
			return error_set(err, ENOMEM, "JSON");
	}
	return 0;
}

static int print_json(const struct table *table, const struct table_options *options, FILE *out,
		      struct error *err)
{
	cleanup_json json_object *doc = json_object_new_object();
	json_object *array = NULL;
	const char *text;
	int rc;

	if (!doc)
		return error_set(err, ENOMEM, "JSON");
	rc = ocfg_json_add(doc, "version", json_object_new_int(TABLE_VERSION), err);
	if (rc == 0) {
		array = json_object_new_array();
		rc = ocfg_json_add(doc, table->array, array, err);
	}
	for (size_t row = 0; rc == 0 && row < table->rows; row++)
		rc = add_row_json(table, row, array, err);
	if (rc == 0)
		rc = add_more(doc, options->more, err);
	if (rc < 0)
		return rc;
	text = json_object_to_json_string_ext(
		doc, (options->compact ? JSON_C_TO_STRING_PLAIN
				       : JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED) |
			     JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!text)
		return error_set(err, ENOMEM, "JSON");
	fprintf(out, "%s\n", text);
	return 0;
}

int table_print(const struct table *table, const struct table_options *options, FILE *out,
		struct error *err)
{
	struct choice choice;
	int rc = choose(table, options->columns, &choice, err);

	if (rc < 0)
		return rc;
	if (options->json)
		return print_json(table, options, out, err);
	print_plain(table, options, &choice, out);
	return 0;
}

void table_usage(const struct table_column *columns, size_t count)
{
	puts("\nColumns (* is shown without --output):");
	for (size_t i = 0; i < count; i++)
		printf(" %c %-10s %s\n", columns[i].hidden ? ' ' : '*', columns[i].name,
		       columns[i].help);
}
