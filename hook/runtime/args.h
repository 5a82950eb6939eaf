/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of an OCI runtime, as far as it says what is going to happen to which container.
 */
#ifndef HOOK_RUNTIME_ARGS_H
#define HOOK_RUNTIME_ARGS_H

#include <stdbool.h>

enum args_command {
	ARGS_OTHER, /* nothing that concerns us, or nothing that we understand: passed through */
	ARGS_CREATE,
	ARGS_RUN,
	ARGS_EXEC,
	ARGS_DELETE,
};

/* Borrowed from argv; NULL: not given. */
struct args {
	enum args_command command;
	const char *id;	      /* of the container */
	const char *bundle;   /* create, run */
	const char *config;   /* create, run: crun's --config, relative to the working directory */
	const char *pid_file; /* create, run */
	const char *process;  /* exec */
	bool force;	      /* delete */
	const char *log;      /* global: the runtime's own log file, and its format */
	const char *log_format;
};

/*
 * Understands what docker, containerd, podman and people write for crun and runc: options with one
 * dash or two, values after "=" or as the next argument.
 */
void args_parse(int argc, char *const *argv, struct args *ret);

#endif
