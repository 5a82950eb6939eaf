/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of `status` and `top`. */
#include "hook/cli/columns.h"

#include <stdio.h>
#include <string.h>

/* What both have, in this order; only status has the counted ones, only top the trends. */
enum {
	ID,
	MODE,
	BY,
	SOURCE,
	COMMAND,
	PROCESSES,
	MERGEABLE,
	ANONYMOUS,
	MERGED,
	ZERO,
	SCANNED,
	SAVED,
	RATIO,
	SHARE,
	NAME,
	SINCE,
	RETRY,
	DOMAIN,
	LAYOUT,
	REASON,
	COMMON,
	FRAMES = COMMON,
	COUNTED,
	STATUS_COLUMNS,
	CHANGE = COMMON,
	TREND,
	KSMD,
	TOP_COLUMNS
};

/* clang-format off */
#define COMMON_COLUMNS(in_top) \
	[ID] = {"ID", "id", TABLE_TEXT, "of the container, or run-PID", false}, \
	[MODE] = {"MODE", "mode", TABLE_TEXT, "how its memory is made mergeable", false}, \
	[BY] = {"BY", "by", TABLE_TEXT, "who has switched it while it runs", true}, \
	[SOURCE] = {"SOURCE", "source", TABLE_TEXT, "what switched it on: hook, runtime or run", true}, \
	[COMMAND] = {"COMMAND", "command", TABLE_TEXT, "name of its first process", !(in_top)}, \
	[PROCESSES] = {"PROCS", "processes", TABLE_NUMBER, "processes that it has now", false}, \
	[MERGEABLE] = {"MERGEABLE", "mergeable_processes", TABLE_NUMBER, \
		       "processes with memory that ksmd looks at", true}, \
	[ANONYMOUS] = {"ANON", "anonymous", TABLE_SIZE, "anonymous memory in RAM", false}, \
	[MERGED] = {"MERGED", "merged", TABLE_SIZE, "shared with equal pages by KSM", false}, \
	[ZERO] = {"ZERO", "zero", TABLE_SIZE, "of MERGED, shared with the zero page", true}, \
	[SCANNED] = {"SCANNED", "scanned", TABLE_SIZE, "what ksmd keeps books of, and looks at in each scan", true}, \
	[SAVED] = {"SAVED", "saved", TABLE_SIZE, \
		   "what the kernel reckons as its profit: merged less ksmd's own books", false}, \
	[RATIO] = {"RATIO", "ratio", TABLE_RATIO, "SCANNED to MERGED: above 64 it does not pay", in_top}, \
	[SHARE] = {"SHARE", "share", TABLE_SHARE, "of all that ksmd scans on this host", in_top}, \
	[NAME] = {"NAME", "name", TABLE_TEXT, "given by its engine", false}, \
	[SINCE] = {"SINCE", "switched_at", TABLE_TIME, "when it was switched, UTC; in JSON Unix seconds", true}, \
	[RETRY] = {"RETRY", "retry_at", TABLE_TIME, "when it is tried again", true}, \
	[DOMAIN] = {"DOMAIN", "domain", TABLE_TEXT, "trust domain: only one merges at one time", true}, \
	[LAYOUT] = {"LAYOUT", "layout", TABLE_TEXT, \
		    "address layout of its programs: random, or shared by all copies", true}, \
	[REASON] = {"REASON", "reason", TABLE_TEXT, "why this mode", true}

static const struct table_column status_list[STATUS_COLUMNS] = {
	COMMON_COLUMNS(false),
	[FRAMES] = {"FRAMES", "frames", TABLE_SIZE, "page frames of its anonymous memory, each once (--frames)", true},
	[COUNTED] = {"COUNTED", "counted", TABLE_SIZE, "what merging saves, counted in frames (--frames)", true},
};

static const struct table_column top_list[TOP_COLUMNS] = {
	COMMON_COLUMNS(true),
	[CHANGE] = {"CHANGE", "change", TABLE_SIZE, "of SAVED, since the last look", false},
	[TREND] = {"TREND", "trend", TABLE_SIZE, "of SAVED, since the first look", false},
	[KSMD] = {"KSMD", "ksmd", TABLE_SHARE, "its part of ksmd's CPU time since the last look; 100% is a CPU", false},
};
/* clang-format on */

const struct columns columns_status = {status_list, STATUS_COLUMNS};
const struct columns columns_top = {top_list, TOP_COLUMNS};

static int64_t seconds(uint64_t value)
{
	return value ? (int64_t)value : TABLE_UNKNOWN;
}

/* Nobody knows it of what has no record. */
static const char *layout_of(const struct ocfg_record *record)
{
	if (!record->source)
		return NULL;
	return record->layout_shared ? "shared" : "random";
}

static const char *short_id(const char *id, char *buf, size_t size)
{
	if (strlen(id) != 64 || strspn(id, "0123456789abcdef") != 64)
		return id;
	snprintf(buf, size, "%.12s", id);
	return buf;
}

static int add_texts(struct table *table, const struct figures *figures, bool short_ids,
		     struct error *err)
{
	const char *id = figures->record.id;
	char mode[64], buf[16];
	int rc = table_text(table, ID, short_ids ? short_id(id, buf, sizeof(buf)) : id, err);

	if (rc == 0 && figures->name)
		rc = table_text(table, NAME, figures->name, err);
	if (rc == 0)
		rc = table_text(table, MODE, figures_mode(figures, mode, sizeof(mode)), err);
	if (rc == 0)
		rc = table_text(table, BY, figures->switched.by, err);
	if (rc == 0)
		rc = table_text(table, SOURCE, figures->record.source, err);
	if (rc == 0)
		rc = table_text(table, COMMAND, figures->command, err);
	if (rc == 0)
		rc = table_text(table, DOMAIN, figures->record.domain, err);
	if (rc == 0)
		rc = table_text(table, LAYOUT, layout_of(&figures->record), err);
	if (rc == 0)
		rc = table_text(table, REASON, figures_reason(figures), err);
	return rc;
}

static int add_row(struct table *table, const struct columns *columns,
		   const struct figures *figures, bool short_ids, struct error *err)
{
	int rc = table_row(table, err);

	if (rc == 0)
		rc = add_texts(table, figures, short_ids, err);
	if (rc < 0)
		return rc;
	table_number(table, PROCESSES, figures->processes);
	table_number(table, MERGEABLE, figures->mergeable);
	table_number(table, ANONYMOUS, figures->anonymous);
	table_number(table, MERGED, figures->merged);
	table_number(table, ZERO, figures->zero);
	table_number(table, SCANNED, figures->scanned);
	table_number(table, SAVED, figures->saved);
	table_number(table, RATIO, figures->ratio);
	table_number(table, SHARE, figures->share);
	table_number(table, SINCE, seconds(figures->switched.since));
	table_number(table, RETRY, seconds(figures->switched.retry_at));
	if (columns == &columns_status) {
		table_number(table, FRAMES, figures->frames);
		table_number(table, COUNTED, figures->counted);
	} else {
		table_number(table, CHANGE, figures->change);
		table_number(table, TREND, figures->trend);
		table_number(table, KSMD, figures->ksmd);
	}
	return 0;
}

int columns_fill(const struct columns *columns, const struct figures *figures, size_t count,
		 bool short_ids, struct table **ret, struct error *err)
{
	struct table *table = NULL;
	int rc = table_new(columns->list, columns->count, "containers", &table, err);

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = add_row(table, columns, &figures[i], short_ids, err);
	if (rc < 0)
		table_free(table);
	else
		*ret = table;
	return rc;
}

int columns_check(const struct columns *columns, const struct table_options *options,
		  struct error *err)
{
	struct table *table = NULL;
	int rc = table_new(columns->list, columns->count, "", &table, err);

	if (rc == 0)
		rc = table_check(table, options, err);
	table_free(table);
	return rc;
}
