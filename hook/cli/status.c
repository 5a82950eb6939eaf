/* SPDX-License-Identifier: Apache-2.0 */
/* oci-ksm status: one row a container or run: how its memory is made mergeable and what that saves. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/cli/cli.h"
#include "hook/cli/records.h"
#include "hook/cli/table.h"
#include "hook/common/cgroup.h"
#include "hook/common/ksm.h"
#include "hook/common/paths.h"
#include "hook/common/proc.h"
#include "oci-config/cleanup.h"
#include "oci-config/mode.h"

enum { ID, MODE, SOURCE, COMMAND, PROCESSES, MERGEABLE, ANONYMOUS, MERGED, SAVED, REASON, COLUMNS };

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
	[REASON] = {"REASON", "reason", TABLE_TEXT, "why this mode", true},
};

struct totals {
	int64_t processes, mergeable, anonymous, merged, saved;
};

/* What is not known of one process is not known of all. */
static void add(int64_t *sum, int64_t value)
{
	*sum = *sum == KSM_UNKNOWN || value == KSM_UNKNOWN ? KSM_UNKNOWN : *sum + value;
}

static int64_t merged_bytes(const struct ksm_process *ksm)
{
	int64_t pages = ksm->merging_pages;

	if (pages == KSM_UNKNOWN)
		return KSM_UNKNOWN;
	if (ksm->zero_pages != KSM_UNKNOWN)
		pages += ksm->zero_pages;
	return pages * sysconf(_SC_PAGESIZE);
}

static int64_t is_mergeable(const struct ksm_process *ksm)
{
	if (ksm->merge_any == 1)
		return 1;
	return ksm->mergeable;
}

static struct totals sum_up(const struct cgroup_container *container)
{
	struct totals totals = {0};

	for (size_t i = 0; i < container->count; i++) {
		struct ksm_process ksm;

		/* Gone meanwhile, or a zombie, which has no memory. */
		if (ksm_process_read(container->pids[i], &ksm, NULL) < 0 ||
		    ksm.anonymous == KSM_UNKNOWN)
			continue;
		totals.processes++;
		add(&totals.mergeable, is_mergeable(&ksm));
		add(&totals.anonymous, ksm.anonymous);
		add(&totals.merged, merged_bytes(&ksm));
		add(&totals.saved, ksm.profit);
	}
	return totals;
}

static int add_row(struct table *table, const struct ocfg_record *record,
		   const struct cgroup_container *container, struct error *err)
{
	struct totals totals = sum_up(container);
	struct proc_stat stat = {0};
	char mode[64];
	int rc;

	if (!totals.processes)
		return 0;
	(void)proc_stat_read(record->pid > 0 ? record->pid : container->pids[0], &stat, NULL);
	rc = table_row(table, err);
	if (rc == 0)
		rc = table_text(table, ID, record->id, err);
	if (rc == 0)
		rc = table_text(table, MODE, ocfg_mode_format(record->modes, mode, sizeof(mode)),
				err);
	if (rc == 0)
		rc = table_text(table, SOURCE, record->source, err);
	if (rc == 0)
		rc = table_text(table, COMMAND, stat.comm, err);
	if (rc == 0)
		rc = table_text(table, REASON, record->reason, err);
	if (rc < 0)
		return rc;
	table_number(table, PROCESSES, totals.processes);
	table_number(table, MERGEABLE, totals.mergeable);
	table_number(table, ANONYMOUS, totals.anonymous);
	table_number(table, MERGED, totals.merged);
	table_number(table, SAVED, totals.saved);
	return 0;
}

/* Both are sorted by ID. */
static int add_rows(struct table *table, const struct ocfg_record *records, size_t count,
		    struct error *err)
{
	struct cgroup_container *containers = calloc(count, sizeof(*containers));
	int rc;

	if (!containers)
		return error_set(err, ENOMEM, "list of containers");
	for (size_t i = 0; i < count; i++)
		containers[i] = (struct cgroup_container){
			.id = records[i].id,
			.pid = records[i].pid,
			.start_time = records[i].start_time,
		};
	rc = cgroup_containers_find(containers, count, err);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = add_row(table, &records[i], &containers[i], err);
	cgroup_containers_done(containers, count);
	free(containers);
	return rc;
}

static int fill(struct table *table, struct error *err)
{
	struct ocfg_record *records = NULL;
	struct ocfg_settings settings;
	cleanup_close int dir = -1;
	size_t count = 0;
	int rc;

	cli_settings(&settings);
	dir = paths_state_dir(&settings, "containers", err);
	ocfg_settings_done(&settings);
	if (dir < 0)
		return dir;
	rc = records_load(dir, &records, &count, err);
	if (rc == 0 && count)
		rc = add_rows(table, records, count, err);
	records_free(records, count);
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
