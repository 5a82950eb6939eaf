/* SPDX-License-Identifier: Apache-2.0 */
/* oci-ksm top: what a look looks like. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hook/cli/columns.h"
#include "hook/cli/screen.h"
#include "hook/cli/terminal.h"
#include "hook/cli/top.h"
#include "oci-config/cleanup.h"
#include "oci-config/json.h"

/* Figures first: names may be long, and lines are cut at the right edge. */
#define USUAL_COLUMNS "procs,anon,merged,saved,change,trend,ksmd,mode,name,id,command"

static const struct {
	const char *name;
	char character;
	enum figures_key key;
} sort_keys[] = {
	{"saved", 's', FIGURES_SAVED},	  {"merged", 'm', FIGURES_MERGED},
	{"anon", 'a', FIGURES_ANONYMOUS}, {"procs", 'p', FIGURES_PROCESSES},
	{"id", 'n', FIGURES_ID},
};
#define SORT_KEYS (sizeof(sort_keys) / sizeof(sort_keys[0]))

int top_key_parse(const char *name, enum figures_key *ret, struct error *err)
{
	for (size_t i = 0; i < SORT_KEYS; i++)
		if (strcmp(name, sort_keys[i].name) == 0) {
			*ret = sort_keys[i].key;
			return 0;
		}
	return error_set(err, EINVAL, "not a key to sort by: %s", name);
}

bool top_key_press(int character, enum figures_key *ret)
{
	for (size_t i = 0; i < SORT_KEYS; i++)
		if (character == sort_keys[i].character) {
			*ret = sort_keys[i].key;
			return true;
		}
	return false;
}

static const char *key_name(enum figures_key key)
{
	for (size_t i = 0; i < SORT_KEYS; i++)
		if (key == sort_keys[i].key)
			return sort_keys[i].name;
	return "";
}

static const char *number(int64_t value, char *buf, size_t size)
{
	if (value == KSM_UNKNOWN)
		return "?";
	snprintf(buf, size, "%" PRId64, value);
	return buf;
}

static const char *size_of(int64_t bytes, char *buf, size_t size)
{
	return bytes == KSM_UNKNOWN ? "?" : table_size_format(bytes, buf, size);
}

static int64_t bytes_of(int64_t pages)
{
	return pages == KSM_UNKNOWN ? KSM_UNKNOWN : pages * sysconf(_SC_PAGESIZE);
}

static void write_share(FILE *out, double share)
{
	if (share < 0)
		fputs("?", out);
	else
		fprintf(out, "%.1f%%", share * 100);
}

static void write_ksmd(const struct top *top, FILE *out)
{
	const struct host_ksm *host = &top->host;
	char a[32], b[32], c[32];

	fprintf(out, "ksmd: %s, %s pages each %s ms",
		host->run == 1 ? "scans" : "does not scan (see oci-ksm doctor)",
		number(host->pages_to_scan, a, sizeof(a)),
		number(host->sleep_millisecs, b, sizeof(b)));
	if (*host->advisor && strcmp(host->advisor, "none") != 0)
		fprintf(out, " (advisor %s)", host->advisor);
	fprintf(out, ", %s full scans", number(host->full_scans, c, sizeof(c)));
	if (top->trends.interval >= 0 && host->full_scans != KSM_UNKNOWN)
		fprintf(out, " (+%" PRId64 ")", host->full_scans - top->before.full_scans);
	fputs(", CPU ", out);
	write_share(out, top->trends.ksmd);
	fputc('\n', out);
}

static void write_head(const struct top *top, FILE *out)
{
	const struct host_ksm *host = &top->host;
	const struct figures *total = &top->total;
	char a[32], b[32], c[32], d[32], e[32];
	time_t now = time(NULL);
	struct tm tm = {0};

	localtime_r(&now, &tm);
	fprintf(out, "oci-ksm %02d:%02d:%02d: %zu containers, %" PRId64 " processes; by %s%s\n",
		tm.tm_hour, tm.tm_min, tm.tm_sec, top->count, total->processes, key_name(top->key),
		top->reverse ? ", reversed" : "");
	write_ksmd(top, out);
	fprintf(out, "host: shared %s, sharing %s, zero %s, profit %s\n",
		size_of(bytes_of(host->shared), a, sizeof(a)),
		size_of(bytes_of(host->sharing), b, sizeof(b)),
		size_of(bytes_of(host->zero), c, sizeof(c)), size_of(host->profit, d, sizeof(d)));
	fprintf(out, "these: anon %s, merged %s, saved %s, change %s, trend %s, ksmd ",
		size_of(total->anonymous, a, sizeof(a)), size_of(total->merged, b, sizeof(b)),
		size_of(total->saved, c, sizeof(c)), size_of(total->change, d, sizeof(d)),
		size_of(total->trend, e, sizeof(e)));
	write_share(out, total->ksmd == KSM_UNKNOWN ? -1 : (double)total->ksmd / 1e6);
	fputs("\n\n", out);
}

static void write_help(FILE *out)
{
	fputs("oci-ksm top\n\n", out);
	for (size_t i = 0; i < SORT_KEYS; i++)
		fprintf(out, " %c  sort by %s\n", sort_keys[i].character, sort_keys[i].name);
	fputs(" r  reverse the order\n"
	      " h  this help\n"
	      " q  quit\n\n"
	      "CHANGE and TREND: of SAVED, since the last look and since the first.\n"
	      "KSMD: the container's part of ksmd's CPU time since the last look.\n"
	      "Any key goes back.\n",
	      out);
}

/* null for what is not known. */
static int add_number(json_object *doc, const char *key, int64_t value, struct error *err)
{
	if (value == KSM_UNKNOWN)
		return ocfg_json_add_null(doc, key, err);
	return ocfg_json_add(doc, key, json_object_new_int64(value), err);
}

static int add_double(json_object *doc, const char *key, double value, int digits,
		      struct error *err)
{
	char text[64];

	if (value < 0)
		return add_number(doc, key, KSM_UNKNOWN, err);
	snprintf(text, sizeof(text), "%.*f", digits, value);
	return ocfg_json_add(doc, key, json_object_new_double_s(value, text), err);
}

static int fill_host(const struct top *top, json_object *doc, struct error *err)
{
	const struct host_ksm *host = &top->host;
	const struct {
		const char *key;
		int64_t value;
	} numbers[] = {
		{"run", host->run},
		{"pages_to_scan", host->pages_to_scan},
		{"sleep_millisecs", host->sleep_millisecs},
		{"full_scans", host->full_scans},
		{"shared", bytes_of(host->shared)},
		{"sharing", bytes_of(host->sharing)},
		{"zero", bytes_of(host->zero)},
		{"scanned", bytes_of(host->tracked)},
		{"profit", host->profit},
	};
	int rc = ocfg_json_add(doc, "advisor", json_object_new_string(host->advisor), err);

	for (size_t i = 0; rc == 0 && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		rc = add_number(doc, numbers[i].key, numbers[i].value, err);
	if (rc == 0)
		rc = add_double(doc, "ksmd_seconds", host->cpu_seconds, 2, err);
	if (rc == 0)
		rc = add_double(doc, "ksmd", top->trends.ksmd, 6, err);
	return rc;
}

static int fill_total(const struct figures *total, json_object *doc, struct error *err)
{
	const struct {
		const char *key;
		int64_t value;
	} numbers[] = {
		{"processes", total->processes}, {"mergeable_processes", total->mergeable},
		{"anonymous", total->anonymous}, {"merged", total->merged},
		{"zero", total->zero},		 {"scanned", total->scanned},
		{"saved", total->saved},	 {"change", total->change},
		{"trend", total->trend},
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		rc = add_number(doc, numbers[i].key, numbers[i].value, err);
	if (rc == 0)
		rc = add_double(doc, "ksmd",
				total->ksmd == KSM_UNKNOWN ? -1 : (double)total->ksmd / 1e6, 6,
				err);
	return rc;
}

/* What stands beside the containers. */
static int fill_more(const struct top *top, json_object *doc, struct error *err)
{
	json_object *host = json_object_new_object(), *total;
	int rc = ocfg_json_add(doc, "host", host, err);

	if (rc == 0)
		rc = fill_host(top, host, err);
	if (rc < 0)
		return rc;
	total = json_object_new_object();
	rc = ocfg_json_add(doc, "total", total, err);
	if (rc == 0)
		rc = fill_total(&top->total, total, err);
	if (rc == 0)
		rc = ocfg_json_add(doc, "time", json_object_new_int64(time(NULL)), err);
	if (rc == 0)
		rc = add_double(doc, "interval", top->trends.interval, 3, err);
	return rc;
}

static int write_table(struct top *top, FILE *out, struct error *err)
{
	struct table_options options = top->table;
	cleanup_json json_object *more = NULL;
	cleanup_free char *columns = NULL;
	struct table *table = NULL;
	int rc = columns_fill(&columns_top, top->figures, top->count, !options.json, &table, err);

	if (rc == 0 && options.json) {
		more = json_object_new_object();
		rc = more ? fill_more(top, more, err) : error_set(err, ENOMEM, "JSON");
		options.more = more;
		options.compact = true;
	} else if (rc == 0 && options.columns && *options.columns == '+') {
		if (asprintf(&columns, USUAL_COLUMNS ",%s", options.columns + 1) < 0)
			rc = error_set(err, ENOMEM, "list of columns");
		options.columns = columns;
	} else if (!options.columns) {
		options.columns = USUAL_COLUMNS;
	}
	if (rc == 0)
		rc = table_print(table, &options, out, err);
	table_free(table);
	return rc;
}

int top_write(struct top *top, FILE *out, int *heading, struct error *err)
{
	*heading = -1;
	if (top->help && !top->batch) {
		write_help(out);
		return 0;
	}
	figures_sort(top->figures, top->count, top->key, top->reverse);
	if (!top->table.json) {
		write_head(top, out);
		*heading = 5;
	}
	return write_table(top, out, err);
}

int top_draw(struct top *top, struct error *err)
{
	cleanup_free char *text = NULL, *frame = NULL;
	size_t len = 0, frame_len = 0, rows, columns;
	FILE *out = open_memstream(&text, &len), *screen;
	int heading, rc;

	if (!out)
		return error_set(err, errno, "screen");
	rc = top_write(top, out, &heading, err);
	if (fclose(out) && rc == 0)
		rc = error_set(err, ENOMEM, "screen");
	if (rc < 0)
		return rc;
	screen = open_memstream(&frame, &frame_len);
	if (!screen)
		return error_set(err, errno, "screen");
	terminal_size(&rows, &columns);
	screen_draw(screen, text, rows, columns, heading);
	if (fclose(screen))
		return error_set(err, ENOMEM, "screen");
	/* At one go: nobody sees half a screen. */
	fwrite(frame, 1, frame_len, stdout);
	return fflush(stdout) ? error_set(err, errno, "write to the terminal") : 0;
}
