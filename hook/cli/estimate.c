/* SPDX-License-Identifier: Apache-2.0 */
/* oci-ksm estimate: what merging would save, and cost, before anything is switched on. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "hook/cli/cli.h"
#include "hook/cli/estimate_print.h"
#include "hook/cli/estimate_scan.h"
#include "hook/cli/targets.h"
#include "hook/common/ksm.h"
#include "oci-config/cleanup.h"

#define MAX_INTERVAL 86400.0

struct options {
	struct table_options table;
	bool all;
	double interval; /* s; 0: no second look */
};

struct bar {
	uint64_t all; /* bytes, in all looks; as the kernel counts them */
};

static void show_progress(uint64_t bytes, void *data)
{
	const struct bar *bar = data;

	if (bar->all)
		estimate_bar((double)bytes / (double)bar->all, bytes);
}

static int compare(const void *a, const void *b)
{
	const struct scan_process *left = a, *right = b;

	if (left->pid != right->pid)
		return left->pid < right->pid ? -1 : 1;
	return (left->owner > right->owner) - (left->owner < right->owner);
}

/* All processes, each for the first target that names it. Their number; 0 with *ret NULL is possible. */
static ssize_t list_processes(const struct target *targets, size_t count, struct scan_process **ret,
			      struct error *err)
{
	struct scan_process *list;
	size_t room = 0, n = 0, kept = 0;

	for (size_t i = 0; i < count; i++)
		room += targets[i].count;
	list = calloc(room + 1, sizeof(*list));
	if (!list)
		return error_set(err, ENOMEM, "list of processes");
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < targets[i].count; k++)
			list[n++] = (struct scan_process){.pid = targets[i].pids[k], .owner = i};
	qsort(list, n, sizeof(*list), compare);
	for (size_t i = 0; i < n; i++)
		if (!kept || list[kept - 1].pid != list[i].pid)
			list[kept++] = list[i];
	*ret = list;
	return (ssize_t)kept;
}

static uint64_t anonymous_bytes(const struct scan_process *processes, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		struct ksm_process ksm;

		if (ksm_process_read(processes[i].pid, &ksm, NULL) == 0 &&
		    ksm.anonymous != KSM_UNKNOWN)
			sum += (uint64_t)ksm.anonymous;
	}
	return sum;
}

static void wait_interval(double seconds)
{
	struct timespec pause = {.tv_sec = (time_t)seconds};

	pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
	while (nanosleep(&pause, &pause) < 0 && errno == EINTR)
		;
}

static int look(struct scan *scan, const struct options *options,
		const struct scan_process *processes, size_t count, struct error *err)
{
	bool again = options->interval > 0;
	struct bar bar = {0};
	scan_progress *progress = isatty(STDERR_FILENO) ? show_progress : NULL;
	int rc;

	if (progress)
		bar.all = anonymous_bytes(processes, count) * (again ? 2 : 1);
	rc = scan_look(scan, progress, &bar, err);
	if (rc == 0 && again) {
		wait_interval(options->interval);
		rc = scan_look(scan, progress, &bar, err);
	}
	if (progress)
		estimate_bar_end();
	return rc;
}

/* -EACCES if nothing could be read at all. */
static int tell(const struct scan_process *processes, size_t count, struct error *err)
{
	size_t denied = 0;

	for (size_t i = 0; i < count; i++) {
		if (processes[i].state == SCAN_DENIED) {
			denied++;
			cli_warn("process %d: its memory may not be read, leaving it out",
				 processes[i].pid);
		} else if (processes[i].state == SCAN_HELD_UP) {
			cli_warn("process %d: holds up who reads its memory, seen in part",
				 processes[i].pid);
		}
	}
	if (count && denied == count)
		return error_set(err, EACCES, "none of these processes may be read");
	return 0;
}

static int estimate(const struct options *options, const struct target *targets, size_t count,
		    struct error *err)
{
	cleanup_free struct estimate_figures *figures = calloc(count + 1, sizeof(*figures));
	struct estimate_result result = {.targets = targets, .figures = figures, .count = count};
	struct scan_process *processes = NULL;
	struct scan *scan = NULL;
	ssize_t n;
	int rc;

	if (!figures)
		return error_set(err, ENOMEM, "estimate");
	n = list_processes(targets, count, &processes, err);
	if (n < 0)
		return (int)n;
	rc = scan_new(processes, (size_t)n, count, &scan, err);
	if (rc == 0)
		rc = look(scan, options, processes, (size_t)n, err);
	if (rc == 0)
		rc = tell(processes, (size_t)n, err);
	if (rc == 0)
		rc = scan_count(scan, figures, &result.together, err);
	if (rc == 0) {
		result.guessed = scan_guesses(scan);
		rc = estimate_print(&result, &options->table, err);
	}
	scan_free(scan);
	return rc;
}

static void usage(void)
{
	puts("Usage:\n"
	     " oci-ksm estimate [<options>] <target>...\n"
	     " oci-ksm estimate [<options>] --all\n\n"
	     "Read memory of running programs, and say what merging would save and cost. Nothing "
	     "is changed.\n" TARGETS_HELP "\n"
	     "Options:\n"
	     " -a, --all                 all containers that can be seen\n"
	     " -b, --bytes               sizes as numbers of bytes\n"
	     " -i, --interval=<seconds>  look again after so long for what changes (1; 0: do not)\n"
	     " -J, --json                all columns as JSON, sizes in bytes\n"
	     " -n, --noheadings          the table only, without headings\n"
	     " -o, --output=<list>       columns to show; +<list> adds to the usual ones\n"
	     " -h, --help                display this help");
	estimate_usage();
}

static int parse_seconds(const char *text, double *ret)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= 0 && value <= MAX_INTERVAL))
		return cli_usage_error("estimate", "not a number of seconds: %s", text);
	*ret = value;
	return 0;
}

/* 0, CLI_USAGE, or -1 after --help. */
static int parse(int argc, char **argv, struct options *ret)
{
	static const struct option longs[] = {
		{"all", no_argument, NULL, 'a'},
		{"bytes", no_argument, NULL, 'b'},
		{"interval", required_argument, NULL, 'i'},
		{"json", no_argument, NULL, 'J'},
		{"noheadings", no_argument, NULL, 'n'},
		{"output", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c, rc;

	while ((c = getopt_long(argc, argv, "abi:Jno:h", longs, NULL)) != -1) {
		if (c == 'a')
			ret->all = true;
		else if (c == 'b')
			ret->table.bytes = true;
		else if (c == 'i' && (rc = parse_seconds(optarg, &ret->interval)) != 0)
			return rc;
		else if (c == 'J')
			ret->table.json = true;
		else if (c == 'n')
			ret->table.no_headings = true;
		else if (c == 'o')
			ret->table.columns = optarg;
		else if (c == 'h')
			return usage(), -1;
		else if (c != 'i')
			return cli_try_help("estimate");
	}
	if (ret->all && optind < argc)
		return cli_usage_error("estimate", "--all leaves no choice: %s", argv[optind]);
	if (!ret->all && optind == argc)
		return cli_usage_error("estimate", "a target is missing");
	return 0;
}

int cli_estimate(int argc, char **argv)
{
	struct options options = {.interval = 1};
	struct target *targets = NULL;
	struct error err = {0};
	size_t count = 0;
	int rc = parse(argc, argv, &options);

	if (rc)
		return rc < 0 ? CLI_OK : rc;
	if (estimate_check(&options.table, &err) < 0)
		return cli_usage_error("estimate", "%s", err.msg);
	if (options.all)
		rc = targets_all(&targets, &count, &err);
	else
		rc = targets_find(argv + optind, (size_t)(argc - optind), &targets, &count, &err);
	if (rc == 0 && !count && !options.table.json)
		cli_warn("no container is to be seen from here");
	else if (rc == 0)
		rc = estimate(&options, targets, count, &err);
	targets_free(targets, count);
	if (rc < 0)
		cli_warn("%s", err.msg);
	return rc < 0 ? CLI_FAILED : CLI_OK;
}
