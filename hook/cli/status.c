/* SPDX-License-Identifier: Apache-2.0 */
/* oci-ksm status: one row a container or run: how its memory is made mergeable and what that saves. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "hook/cli/cli.h"
#include "hook/cli/figures.h"
#include "hook/cli/table.h"
#include "hook/common/ksm.h"
#include "oci-config/mode.h"

enum {
	ID,
	MODE,
	SOURCE,
	COMMAND,
	PROCESSES,
	MERGEABLE,
	ANONYMOUS,
	MERGED,
	SAVED,
	DOMAIN,
	LAYOUT,
	REASON,
	COLUMNS
};

static const struct table_column columns[COLUMNS] = {
	[ID] = {"ID", "id", TABLE_TEXT, "of the container, or run-PID", false},
	[MODE] = {"MODE", "mode", TABLE_TEXT, "how its memory is made mergeable", false},
	[SOURCE] = {"SOURCE", "source", TABLE_TEXT, "what switched it on: hook, runtime or run",
		    true},
	[COMMAND] = {"COMMAND", "command", TABLE_TEXT, "name of its first process", true},
	[PROCESSES] = {"PROCS", "processes", TABLE_NUMBER, "processes that it has now", false},
	[MERGEABLE] = {"MERGEABLE", "mergeable_processes", TABLE_NUMBER,
		       "processes with memory that ksmd looks at", true},
	[ANONYMOUS] = {"ANON", "anonymous", TABLE_SIZE, "anonymous memory in RAM", false},
	[MERGED] = {"MERGED", "merged", TABLE_SIZE, "of that, shared with equal pages by KSM",
		    false},
	[SAVED] = {"SAVED", "saved", TABLE_SIZE,
		   "what the kernel reckons as its profit: merged less ksmd's own books", false},
	[DOMAIN] = {"DOMAIN", "domain", TABLE_TEXT, "trust domain: only one merges at one time",
		    true},
	[LAYOUT] = {"LAYOUT", "layout", TABLE_TEXT,
		    "address layout of its programs: random, or shared by all copies", true},
	[REASON] = {"REASON", "reason", TABLE_TEXT, "why this mode", true},
};

static int add_row(struct table *table, const struct figures *figures, struct error *err)
{
	char mode[64];
	int rc = table_row(table, err);

	if (rc == 0)
		rc = table_text(table, ID, figures->record.id, err);
	if (rc == 0)
		rc = table_text(table, MODE,
				ocfg_mode_format(figures->record.modes, mode, sizeof(mode)), err);
	if (rc == 0)
		rc = table_text(table, SOURCE, figures->record.source, err);
	if (rc == 0)
		rc = table_text(table, COMMAND, figures->command, err);
	if (rc == 0)
		rc = table_text(table, DOMAIN, figures->record.domain, err);
	if (rc == 0)
		rc = table_text(table, LAYOUT, figures->record.layout_shared ? "shared" : "random",
				err);
	if (rc == 0)
		rc = table_text(table, REASON, figures->record.reason, err);
	if (rc < 0)
		return rc;
	table_number(table, PROCESSES, figures->processes);
	table_number(table, MERGEABLE, figures->mergeable);
	table_number(table, ANONYMOUS, figures->anonymous);
	table_number(table, MERGED, figures->merged);
	table_number(table, SAVED, figures->saved);
	return 0;
}

static int fill(struct table *table, struct error *err)
{
	struct figures *figures = NULL;
	size_t count = 0;
	int rc = figures_load(&figures, &count, err);

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = add_row(table, &figures[i], err);
	figures_free(figures, count);
	return rc;
}

static void usage(void)
{
	puts("Usage:\n"
	     " oci-ksm status [<options>]\n\n"
	     "Show containers and runs whose memory can be merged, and what that saves.\n\n"
	     "Options:\n"
	     " -b, --bytes          sizes as numbers of bytes\n"
	     " -J, --json           all columns as JSON, sizes in bytes, null for what is not "
	     "known\n"
	     " -n, --noheadings     no line of headings\n"
	     " -o, --output=<list>  columns to show; +<list> adds to the usual ones\n"
	     " -v, --verbose        the same as --output=+reason\n"
	     " -h, --help           display this help");
	table_usage(columns, COLUMNS);
}

/* For people: figures that stay zero have this reason more often than any other. */
static void tell_if_idle(void)
{
	int64_t run = ksm_sys_get("run");

	if (isatty(STDOUT_FILENO) && run != KSM_UNKNOWN && run != 1)
		cli_warn("ksmd does not scan (" KSM_SYS_DIR "/run is %" PRId64
			 "): see oci-ksm doctor",
			 run);
}

/* 0, CLI_USAGE, or -1 after --help. */
static int parse(int argc, char **argv, struct table_options *ret)
{
	static const struct option longs[] = {
		{"bytes", no_argument, NULL, 'b'},
		{"json", no_argument, NULL, 'J'},
		{"noheadings", no_argument, NULL, 'n'},
		{"output", required_argument, NULL, 'o'},
		{"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "bJno:vh", longs, NULL)) != -1) {
		if (c == 'b')
			ret->bytes = true;
		else if (c == 'J')
			ret->json = true;
		else if (c == 'n')
			ret->no_headings = true;
		else if (c == 'o')
			ret->columns = optarg;
		else if (c == 'v')
			ret->columns = "+reason";
		else if (c == 'h')
			return usage(), -1;
		else
			return cli_try_help("status");
	}
	return optind == argc ? 0
			      : cli_usage_error("status", "unexpected argument: %s", argv[optind]);
}

int cli_status(int argc, char **argv)
{
	struct table_options options = {0};
	struct table *table = NULL;
	struct error err = {0};
	int rc = parse(argc, argv, &options);

	if (rc)
		return rc < 0 ? CLI_OK : rc;
	rc = table_new(columns, COLUMNS, "containers", &table, &err);
	if (rc == 0 && table_check(table, &options, &err) < 0) {
		table_free(table);
		return cli_usage_error("status", "%s", err.msg);
	}
	if (rc == 0)
		rc = fill(table, &err);
	if (rc == 0)
		rc = table_print(table, &options, &err);
	if (rc == 0 && !options.json)
		tell_if_idle();
	table_free(table);
	if (rc < 0)
		cli_warn("%s", err.msg);
	return rc < 0 ? CLI_FAILED : CLI_OK;
}
