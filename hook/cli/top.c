/* SPDX-License-Identifier: Apache-2.0 */
/* oci-ksm top: the figures of status, again and again, and how they change. */
#include "hook/cli/top.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hook/cli/cli.h"
#include "hook/cli/columns.h"
#include "hook/cli/targets.h"
#include "hook/cli/terminal.h"

#define DELAY	  3
#define MIN_DELAY 0.1
#define MAX_DELAY 86400

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int remember(struct top *top, const struct figures *figures, size_t count, struct error *err)
{
	top->ids = calloc(count + 1, sizeof(*top->ids));
	while (top->ids && top->id_count < count &&
	       (top->ids[top->id_count] = strdup(figures[top->id_count].record.id)))
		top->id_count++;
	return top->id_count < count || !top->ids ? error_set(err, ENOMEM, "list of containers")
						  : 0;
}

/* Those that were named must be there at the first look, and may go. */
static int choose(struct top *top, struct figures *figures, size_t *count, struct error *err)
{
	int rc = figures_choose(figures, count, top->targets, top->target_count, err);

	return rc < 0 || !top->target_count ? rc : remember(top, figures, *count, err);
}

static int look(struct top *top, struct error *err)
{
	struct figures *figures = NULL;
	size_t count = 0;
	int rc = figures_load_again(top->figures, top->count, top->ids, top->id_count, &figures,
				    &count, err);

	if (rc == 0 && !top->trends.looks)
		rc = choose(top, figures, &count, err);
	if (rc < 0) {
		figures_free(figures, count);
		return rc;
	}
	figures_free(top->figures, top->count);
	top->figures = figures;
	top->count = count;
	top->before = top->host;
	host_ksm_read(&top->host);
	return trends_update(&top->trends, figures, count, &top->total, &top->host, seconds_now(),
			     err);
}

static void sleep_until(double time)
{
	double rest;

	while ((rest = time - seconds_now()) > 0) {
		struct timespec left = {.tv_sec = (time_t)rest};

		left.tv_nsec = (long)((rest - (double)left.tv_sec) * 1e9);
		nanosleep(&left, NULL);
	}
}

static int run_batch(struct top *top, struct error *err)
{
	double next = seconds_now();

	for (long n = 0; !top->looks || n < top->looks; n++) {
		int heading, rc;

		if (n) {
			next += top->delay;
			sleep_until(next);
			rc = look(top, err);
			if (rc < 0)
				return rc;
			if (!top->table.json)
				putchar('\n');
		}
		rc = top_write(top, stdout, &heading, err);
		if (rc == 0 && (fflush(stdout) || ferror(stdout)))
			rc = error_set(err, errno, "write to standard output");
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* False: quit. */
static bool press(struct top *top, int character)
{
	if (character == 'q' || character < 0)
		return false;
	if (character == 0)
		return true;
	if (top->help)
		top->help = false;
	else if (character == 'h' || character == '?')
		top->help = true;
	else if (character == 'r')
		top->reverse = !top->reverse;
	else
		(void)top_key_press(character, &top->key);
	return true;
}

static int run_live(struct top *top, struct error *err)
{
	double next = seconds_now();
	long n = 1;
	int rc = terminal_begin(err);

	while (rc == 0) {
		double now = seconds_now();

		if (now >= next) {
			if (n > 1)
				rc = look(top, err);
			/* What was missed, because this process was stopped, is not made up for. */
			next = now + top->delay;
			n++;
		}
		if (rc == 0)
			rc = top_draw(top, err);
		if (rc < 0 || (top->looks && n > top->looks))
			break;
		now = seconds_now();
		if (!press(top, terminal_key(next > now ? next - now : 0)))
			break;
	}
	terminal_end();
	return rc;
}

static void usage(void)
{
	puts("Usage:\n"
	     " oci-ksm top [<options>] [<target>...]\n\n"
	     "Show what 'oci-ksm status' shows, and how it changes.\n" TARGETS_HELP "\n"
	     "Options:\n"
	     " -b, --batch            one table after the other, for pipes and files\n"
	     " -B, --bytes            sizes as numbers of bytes\n"
	     " -d, --delay=<seconds>  between two looks (3)\n"
	     " -J, --json             one JSON document a look and line, all columns\n"
	     " -n, --count=<number>   end after so many looks\n"
	     " -o, --output=<list>    columns to show; +<list> adds to the usual ones\n"
	     " -r, --reverse          the other way round\n"
	     " -s, --sort=<key>       by saved (the default), merged, anon, procs or id\n"
	     " -h, --help             display this help\n\n"
	     "Keys: s, m, a, p, n sort by saved, merged, anon, procs, id; r reverses, h shows "
	     "help, "
	     "q quits.");
	table_usage(columns_top.list, columns_top.count);
}

static int parse_number(const char *option, const char *text, double min, double max, double *ret)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= min && value <= max))
		return cli_usage_error("top", "--%s: not a number from %g to %g: %s", option, min,
				       max, text);
	*ret = value;
	return 0;
}

/* One option. 0, CLI_USAGE, or -1 after --help. */
static int take(struct top *top, int option)
{
	struct error err = {0};
	double number = 0;
	int rc = 0;

	if (option == 'b')
		top->batch = true;
	else if (option == 'B')
		top->table.bytes = true;
	else if (option == 'd')
		rc = parse_number("delay", optarg, MIN_DELAY, MAX_DELAY, &top->delay);
	else if (option == 'J')
		top->table.json = top->batch = true;
	else if (option == 'n') {
		rc = parse_number("count", optarg, 1, 1e9, &number);
		top->looks = (long)number;
	} else if (option == 'o')
		top->table.columns = optarg;
	else if (option == 'r')
		top->reverse = true;
	else if (option == 's')
		rc = top_key_parse(optarg, &top->key, &err) < 0
			     ? cli_usage_error("top", "%s", err.msg)
			     : 0;
	else if (option == 'h')
		return usage(), -1;
	else
		return cli_try_help("top");
	return rc;
}

static int parse(int argc, char **argv, struct top *top)
{
	static const struct option longs[] = {
		{"batch", no_argument, NULL, 'b'},	 {"bytes", no_argument, NULL, 'B'},
		{"delay", required_argument, NULL, 'd'}, {"json", no_argument, NULL, 'J'},
		{"count", required_argument, NULL, 'n'}, {"output", required_argument, NULL, 'o'},
		{"reverse", no_argument, NULL, 'r'},	 {"sort", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},	 {NULL, 0, NULL, 0},
	};
	struct error err = {0};
	int c;

	while ((c = getopt_long(argc, argv, "bBd:Jn:o:rs:h", longs, NULL)) != -1) {
		int rc = take(top, c);

		if (rc)
			return rc;
	}
	top->targets = argv + optind;
	top->target_count = (size_t)(argc - optind);
	return columns_check(&columns_top, &top->table, &err) < 0
		       ? cli_usage_error("top", "%s", err.msg)
		       : 0;
}

int cli_top(int argc, char **argv)
{
	struct top top = {.delay = DELAY, .key = FIGURES_SAVED};
	struct error err = {0};
	int rc = parse(argc, argv, &top);

	if (rc)
		return rc < 0 ? CLI_OK : rc;
	if (!top.batch && !terminal_is_there()) {
		cli_warn("standard output is no terminal that can show a screen: as with --batch");
		top.batch = true;
	}
	/* What is wrong is told before the screen is taken. */
	rc = look(&top, &err);
	if (rc == 0)
		rc = top.batch ? run_batch(&top, &err) : run_live(&top, &err);
	figures_free(top.figures, top.count);
	for (size_t i = 0; i < top.id_count; i++)
		free(top.ids[i]);
	free(top.ids);
	trends_done(&top.trends);
	if (rc < 0)
		cli_warn("%s", err.msg);
	return rc < 0 ? CLI_FAILED : CLI_OK;
}
