/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: what commands print, for people in chosen columns, or as JSON with all of them. */
#ifndef HOOK_CLI_TABLE_H
#define HOOK_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "hook/common/ksm.h"
#include "oci-config/error.h"
#include "oci-config/json.h"

#define TABLE_UNKNOWN KSM_UNKNOWN /* a number that is not known: "?" for people, null in JSON */
#define TABLE_COLUMNS 24
#define TABLE_VERSION 1 /* of the JSON: grows when a member changes its meaning or goes */

#define TABLE_ENDLESS INT64_MAX /* a ratio to nothing: "inf", null in JSON */

enum table_type {
	TABLE_TEXT,
	TABLE_NUMBER,
	TABLE_SIZE,  /* bytes */
	TABLE_RATIO, /* thousandths: 2500 is "2.5", and 2.5 in JSON */
	TABLE_SHARE, /* millionths: 125000 is "12.5%", and 0.125 in JSON */
	TABLE_TIME, /* Unix seconds: as the log has it, "2026-11-28T22:36:19Z"; the number in JSON */
};

struct table_column {
	const char *name; /* "MERGED"; in --output case does not matter */
	const char *key;  /* member of the JSON, an interface: "merged" */
	enum table_type type;
	const char *help;
	bool hidden; /* not shown unless it is asked for */
};

struct table_options {
	bool json;
	bool no_headings;
	bool bytes; /* sizes as numbers of bytes */
	const char *
		columns; /* list with commas, "+" before it adds to the usual ones; NULL: the usual ones */
	bool compact;	   /* JSON on one line */
	json_object *more; /* members that the JSON has after the array; borrowed, may be NULL */
};

struct table;

/* `columns` and `array` (name of the JSON's array) live as long as the table; table_free frees it. */
int table_new(const struct table_column *columns, size_t count, const char *array,
	      struct table **ret, struct error *err);
void table_free(struct table *table);

/* Adds an empty row, to be filled column by column, as counted in `columns`. */
int table_row(struct table *table, struct error *err);
/* NULL is "", a text that is not set null in JSON. Anybody chooses names of processes: what is not printable ASCII is escaped, in JSON too. */
int table_text(struct table *table, size_t column, const char *text, struct error *err);
void table_number(struct table *table, size_t column, int64_t number);

/* Is that list of columns right? -EINVAL names the bad one. */
int table_check(const struct table *table, const struct table_options *options, struct error *err);
int table_print(const struct table *table, const struct table_options *options, FILE *out,
		struct error *err);
/* The columns with their help, for usage(). */
void table_usage(const struct table_column *columns, size_t count);

/* 1536 -> "1.5K"; with sign. buf of 16 bytes is enough. */
const char *table_size_format(int64_t bytes, char *buf, size_t size);

#endif
