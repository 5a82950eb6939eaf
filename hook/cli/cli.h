/* SPDX-License-Identifier: Apache-2.0 */
/* oci-ksm: what its commands share. */
#ifndef HOOK_CLI_CLI_H
#define HOOK_CLI_CLI_H

#include "oci-config/error.h"
#include "oci-config/settings.h"

/* Exit codes; they are an interface. A program started by `run` gives its own. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_RUN_FAILED = 125,	   /* before CMD could be started */
	CLI_RUN_CANNOT_EXEC = 126, /* CMD is there, but cannot be started */
	CLI_RUN_NOT_FOUND = 127,   /* there is no CMD */
};

/* Commands: a row in main.c's table and a file of their own. argv[1] is the first argument. */
int cli_run(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_top(int argc, char **argv);
int cli_estimate(int argc, char **argv);
int cli_enable(int argc, char **argv);
int cli_disable(int argc, char **argv);
int cli_metrics(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_tune(int argc, char **argv);

/* `run --mode=preload` as ksm-wrapper, which takes no options: argv[1] is CMD. */
int cli_run_wrapper(int argc, char **argv);

/* "oci-ksm: ..." on stderr. */
void cli_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The two lines for wrong usage: what is wrong, and where help is; where getopt has said the first, the second. CLI_USAGE. */
int cli_usage_error(const char *command, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int cli_try_help(const char *command);

/* The administrator's settings; what is wrong in them is told on stderr, and the defaults hold. ocfg_settings_done frees. */
void cli_settings(struct ocfg_settings *ret);

#endif
