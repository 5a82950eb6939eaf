/* SPDX-License-Identifier: Apache-2.0 */
/* oci-ksm status: one row a container or run: how its memory is made mergeable and what that saves. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "hook/cli/cli.h"
#include "hook/cli/columns.h"
#include "hook/cli/figures.h"
#include "hook/cli/figures_frames.h"
#include "hook/cli/table.h"
#include "hook/cli/targets.h"
#include "hook/common/ksm.h"

struct options {
	struct table_options table;
	bool frames, verbose;
	char *const *targets; /* none: all */
	size_t count;
};

static void usage(void)
{
	puts("Usage:\n"
	     " oci-ksm status [<options>] [<target>...]\n\n"
	     "Show containers and runs whose memory can be merged, and what that "
	     "saves.\n" TARGETS_HELP "\n"
	     "Options:\n"
	     " -b, --bytes          sizes as numbers of bytes\n"
	     " -f, --frames         count page frames, too: slow, and for root only; the same as\n"
	     "                      --output=+frames,counted, with the figures\n"
	     " -J, --json           all columns as JSON, sizes in bytes, null for what is not "
	     "known\n"
	     " -n, --noheadings     no line of headings\n"
	     " -o, --output=<list>  columns to show; +<list> adds to the usual ones\n"
	     " -v, --verbose        the same as --output=+reason\n"
	     " -h, --help           display this help");
	table_usage(columns_status.list, columns_status.count);
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
static int parse(int argc, char **argv, struct options *ret)
{
	static const struct option longs[] = {
		{"bytes", no_argument, NULL, 'b'},	  {"frames", no_argument, NULL, 'f'},
		{"json", no_argument, NULL, 'J'},	  {"noheadings", no_argument, NULL, 'n'},
		{"output", required_argument, NULL, 'o'}, {"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},	  {NULL, 0, NULL, 0},
	};
	struct error err = {0};
	int c;

	while ((c = getopt_long(argc, argv, "bfJno:vh", longs, NULL)) != -1) {
		if (c == 'b')
			ret->table.bytes = true;
		else if (c == 'f')
			ret->frames = true;
		else if (c == 'J')
			ret->table.json = true;
		else if (c == 'n')
			ret->table.no_headings = true;
		else if (c == 'o')
			ret->table.columns = optarg;
		else if (c == 'v')
			ret->verbose = true;
		else if (c == 'h')
			return usage(), -1;
		else
			return cli_try_help("status");
	}
	if (!ret->table.columns && (ret->frames || ret->verbose))
		ret->table.columns = !ret->verbose  ? "+frames,counted"
				     : !ret->frames ? "+reason"
						    : "+frames,counted,reason";
	ret->targets = argv + optind;
	ret->count = (size_t)(argc - optind);
	return columns_check(&columns_status, &ret->table, &err) < 0
		       ? cli_usage_error("status", "%s", err.msg)
		       : 0;
}

static int show(const struct options *options, struct error *err)
{
	struct figures *figures = NULL;
	struct table *table = NULL;
	size_t count = 0;
	int rc = figures_load(&figures, &count, err);

	if (rc == 0)
		rc = figures_choose(figures, &count, options->targets, options->count, err);
	for (size_t i = 0; rc == 0 && i < count; i++)
		if (figures[i].held_up)
			cli_warn("%s: a process of it holds up who asks for its figures: they are "
				 "not known",
				 figures[i].record.id);
	if (rc == 0 && options->frames)
		rc = figures_count(figures, count, err);
	if (rc == 0)
		rc = columns_fill(&columns_status, figures, count,
				  !options->table.json && isatty(STDOUT_FILENO), &table, err);
	if (rc == 0)
		rc = table_print(table, &options->table, stdout, err);
	table_free(table);
	figures_free(figures, count);
	return rc;
}

int cli_status(int argc, char **argv)
{
	struct options options = {0};
	struct error err = {0};
	int rc = parse(argc, argv, &options);

	if (rc)
		return rc < 0 ? CLI_OK : rc;
	if (show(&options, &err) < 0) {
		cli_warn("%s", err.msg);
		return CLI_FAILED;
	}
	if (!options.table.json)
		tell_if_idle();
	return CLI_OK;
}
