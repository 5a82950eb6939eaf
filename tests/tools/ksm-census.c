/* SPDX-License-Identifier: Apache-2.0 */
/* ksm-census: counts the anonymous frames of processes; with --merge before and after ksmd has merged them. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/common/ksm.h"
#include "hook/common/proc.h"
#include "oci-config/cleanup.h"
#include "tests/tools/settle.h"

static volatile sig_atomic_t stop;

struct options {
	bool merge;
	double timeout;
	unsigned flags;
};

static void on_signal(int signal)
{
	(void)signal;
	stop = 1;
}

static void print_figures(const char *name, const struct frames_figures *f)
{
	printf("\"%s\":{\"processes\":%u,\"mapped\":%" PRIu64 ",\"frames\":%" PRIu64
	       ",\"distinct\":%" PRIu64 ",\"duplicates\":%" PRIu64 ",\"zero\":%" PRIu64
	       ",\"merged\":%" PRIu64 ",\"unread\":%" PRIu64 ",\"swapped\":%" PRIu64 "}",
	       name, f->processes, f->mapped, f->frames, f->distinct, f->duplicates, f->zero,
	       f->merged, f->unread, f->swapped);
}

/*
 * Frames that there would be now without KSM: what the programs themselves took or gave back meanwhile is no merging, so
 * it is what is mapped now less what fork shared before.
 */
static uint64_t frames_without(const struct frames_figures *before,
			       const struct frames_figures *after)
{
	return after->mapped - (before->mapped - before->frames);
}

/* Of the duplicates that there would be without KSM, the share that is merged away. 1 where there is nothing to merge. */
static double share(const struct frames_figures *before, const struct frames_figures *after)
{
	double without = (double)frames_without(before, after);
	double duplicates = without - (double)after->distinct;

	return duplicates > 0 ? (without - (double)after->frames) / duplicates : 1;
}

static void show_progress(unsigned scans, const struct frames_figures *now, double seconds)
{
	fprintf(stderr, "\r  ksmd: scan %u, %.0f s, %" PRIu64 " MiB in frames \x1b[K", scans,
		seconds, now->frames >> 20);
}

static int merge(const struct options *options, const pid_t *pids, size_t count, struct error *err)
{
	bool is_terminal = isatty(STDERR_FILENO);
	struct frames_figures before = {0};
	struct settle_result result = {0};
	struct settle_saved saved;
	double cpu = ksm_cpu_seconds();
	struct error restore_err = {0};
	int rc;

	rc = settle_quiet(pids, count, options->flags, options->timeout, &stop, &before, err);
	if (rc == 0)
		rc = settle_save(&saved, err);
	if (rc < 0)
		return rc;
	rc = settle_start(err);
	if (rc == 0)
		rc = settle_wait(pids, count, &before, options->timeout, &stop,
				 is_terminal ? show_progress : NULL, &result, err);
	if (is_terminal)
		fputs("\r\x1b[K", stderr);
	if (settle_restore(&saved, &restore_err) < 0 && rc == 0) {
		*err = restore_err;
		rc = -restore_err.code;
	}
	if (rc < 0)
		return rc;
	printf("{");
	print_figures("before", &before);
	printf(",");
	print_figures("after", &result.after);
	printf(",\"merged_away\":%" PRId64
	       ",\"share\":%.4f,\"scans\":%u,\"seconds\":%.1f,\"ksmd_seconds\":%.2f,\"settled\":%s}"
	       "\n",
	       (int64_t)(frames_without(&before, &result.after) - result.after.frames),
	       share(&before, &result.after), result.scans, result.seconds, ksm_cpu_seconds() - cpu,
	       result.settled ? "true" : "false");
	return 0;
}

static int census(const struct options *options, const pid_t *pids, size_t count, struct error *err)
{
	struct frames_figures figures;
	int rc = settle_census(pids, count, options->flags, &figures, err);

	if (rc < 0)
		return rc;
	printf("{");
	print_figures("now", &figures);
	printf("}\n");
	return 0;
}

static void usage(void)
{
	printf("Usage:\n ksm-census [--merge] [--timeout=<seconds>] [--no-pagemap-scan] "
	       "<pid>...\n\n"
	       "Counts the anonymous memory of processes in frames, as JSON.\n"
	       "--merge: before, and after ksmd at full speed has settled.\n");
}

static int parse(int argc, char **argv, struct options *ret)
{
	enum { MERGE = 256, TIMEOUT, NO_SCAN, HELP };
	static const struct option longs[] = {
		{"merge", no_argument, NULL, MERGE},
		{"timeout", required_argument, NULL, TIMEOUT},
		{"no-pagemap-scan", no_argument, NULL, NO_SCAN},
		{"help", no_argument, NULL, HELP},
		{NULL, 0, NULL, 0},
	};
	struct options options = {.timeout = 120};
	int64_t number;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == MERGE)
			options.merge = true;
		else if (c == NO_SCAN)
			options.flags |= FRAMES_NO_PAGEMAP_SCAN;
		else if (c == TIMEOUT && proc_number(optarg, &number) == 0)
			options.timeout = (double)number;
		else if (c == HELP)
			return usage(), exit(0), 0;
		else
			return -EINVAL;
	}
	*ret = options;
	return optind < argc ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_signal};
	cleanup_free pid_t *pids = NULL;
	struct options options;
	struct error err = {0};
	size_t count = 0;
	int rc;

	if (parse(argc, argv, &options) < 0) {
		fprintf(stderr, "Try 'ksm-census --help'.\n");
		return 2;
	}
	pids = calloc((size_t)(argc - optind), sizeof(*pids));
	for (int i = optind; pids && i < argc; i++) {
		int64_t pid;

		if (proc_number(argv[i], &pid) == 0 && pid > 0)
			pids[count++] = (pid_t)pid;
	}
	if (!count || count != (size_t)(argc - optind)) {
		fprintf(stderr, "ksm-census: a pid is a positive number\n");
		return 2;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	rc = options.merge ? merge(&options, pids, count, &err)
			   : census(&options, pids, count, &err);
	if (rc < 0) {
		fprintf(stderr, "ksm-census: %s\n", err.msg);
		return stop ? 130 : 1;
	}
	return 0;
}
