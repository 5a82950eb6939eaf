/* SPDX-License-Identifier: Apache-2.0 */
/* oci-ksm: the program for people; its table of commands. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "hook/cli/cli.h"
#include "hook/common/escape.h"

#define WARNING_MAX 4096

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{"run", cli_run, "run a program whose memory can be merged"},
	{"status", cli_status, "show containers and runs, and what merging saves"},
	{"top", cli_top, "the same, again and again, and how it changes"},
	{"doctor", cli_doctor, "check whether merging works on this host, and how to get there"},
	{"estimate", cli_estimate, "say what merging would save, before it is switched on"},
	{"enable", cli_enable, "make what runs mergeable, without a restart"},
	{"disable", cli_disable, "take merging back from what runs"},
	{"metrics", cli_metrics, "print the figures of status for Prometheus"},
	{"tune", cli_tune, "switch the host's KSM on at a sensible speed, and back"},
};

/* Names in it may be a tenant's. */
static __attribute__((format(printf, 1, 0))) void warn_list(const char *fmt, va_list ap)
{
	char text[WARNING_MAX], shown[ESCAPED_SIZE(WARNING_MAX)];

	vsnprintf(text, sizeof(text), fmt, ap);
	fprintf(stderr, "oci-ksm: %s\n", escape(text, shown, sizeof(shown)));
}

void cli_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	warn_list(fmt, ap);
	va_end(ap);
}

int cli_try_help(const char *command)
{
	fprintf(stderr, "Try 'oci-ksm %s%s--help' for more information.\n", command,
		*command ? " " : "");
	return CLI_USAGE;
}

int cli_usage_error(const char *command, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	warn_list(fmt, ap);
	va_end(ap);
	return cli_try_help(command);
}

void cli_settings(struct ocfg_settings *ret)
{
	struct ocfg_notes notes = {0};
	struct error err = {0};

	if (ocfg_settings_load(NULL, ret, &notes, &err) < 0)
		cli_warn("%s, proceeding with the defaults", err.msg);
	for (unsigned i = 0; i < notes.count && i < OCFG_NOTES_MAX; i++)
		cli_warn("%s", notes.text[i]);
}

static void usage(void)
{
	puts("Usage:\n"
	     " oci-ksm <command> [<options>]\n\n"
	     "Merge equal memory of containers and programs (KSM).\n\n"
	     "Commands:");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		printf(" %-14s %s\n", commands[i].name, commands[i].summary);
	puts("\nOptions:\n"
	     " -h, --help     display this help\n"
	     " -V, --version  display the version\n\n"
	     "Each command has a --help of its own.");
}

static int run_command(int argc, char **argv)
{
	static char program[] = "oci-ksm";
	const char *name = argv[0];

	argv[0] = program; /* getopt's messages begin with it */
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run(argc, argv);
	return cli_usage_error("", "unknown command: %s", name);
}

static int main_options(int argc, char **argv)
{
	static const struct option longs[] = {
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int c;

	/* '+': what follows the command is the command's. */
	while ((c = getopt_long(argc, argv, "+hV", longs, NULL)) != -1) {
		switch (c) {
		case 'h':
			usage();
			return CLI_OK;
		case 'V':
			puts("oci-ksm " OCI_KSM_VERSION);
			return CLI_OK;
		default:
			return cli_try_help("");
		}
	}
	if (optind == argc)
		return cli_usage_error("", "a command is missing");
	argc -= optind;
	argv += optind;
	/* 0 makes getopt start afresh, with the GNU library's own state as well. */
	optind = 0;
	return run_command(argc, argv);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int main(int argc, char **argv)
{
	int status;

	if (argc > 0 && strcmp(base_name(argv[0]), "ksm-wrapper") == 0)
		status = cli_run_wrapper(argc, argv);
	else
		status = main_options(argc, argv);
	/* A full disk is a failure: the caller must not take half an answer for the whole. */
	if ((fflush(stdout) || ferror(stdout)) && status == CLI_OK) {
		cli_warn("write to standard output: %s", strerror(errno));
		status = CLI_FAILED;
	}
	return status;
}
