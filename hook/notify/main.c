/* SPDX-License-Identifier: Apache-2.0 */
/* oci-ksmd: the seccomp-notify helper. Its options. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/common/log.h"
#include "hook/common/notify_socket.h"
#include "hook/common/paths.h"
#include "hook/common/proc.h"
#include "hook/common/switched.h"
#include "hook/notify/handover.h"
#include "hook/notify/keeper.h"
#include "hook/notify/replace.h"
#include "hook/notify/start.h"
#include "oci-config/cleanup.h"

#define EXIT_USAGE	2
#define REPLACE_TIMEOUT 40000 /* ms */

struct options {
	const char *socket, *log;
	const char *take_over; /* what follows HANDOVER_OPTION */
	const char *check;     /* a journal's descriptor */
	bool sync, once, replace;
};

static void usage(void)
{
	puts("Usage:\n"
	     " oci-ksmd [<options>]\n\n"
	     "Mark the memory of containers from outside, as their seccomp profiles notify it.\n\n"
	     "Options:\n"
	     " -s, --socket=<path>  listen there, instead of where the settings say\n"
	     " -S, --sync           mark memory before the program that maps it goes on\n"
	     " -1, --once           end when the last container that was served has ended\n"
	     " -r, --replace        have the running oci-ksmd go on as this program\n"
	     " -l, --log=<sink>     syslog, stderr or file:/<path>, instead of what the settings "
	     "say\n"
	     " -h, --help           display this help\n"
	     " -V, --version        display the version");
}

static int usage_error(const char *message)
{
	if (message)
		fprintf(stderr, "oci-ksmd: %s\n", message);
	fputs("Try 'oci-ksmd --help' for more information.\n", stderr);
	return EXIT_USAGE;
}

/* 0: go on; else ended, with *ret_status. */
static int parse_options(int argc, char **argv, struct options *ret, int *ret_status)
{
	enum { TAKE_OVER = 256, CHECK_STATE };
	static const struct option longs[] = {
		{"socket", required_argument, NULL, 's'},
		{"sync", no_argument, NULL, 'S'},
		{"once", no_argument, NULL, '1'},
		{"replace", no_argument, NULL, 'r'},
		{"log", required_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		/* For ourselves. */
		{"take-over", required_argument, NULL, TAKE_OVER},
		{"check-state", required_argument, NULL, CHECK_STATE},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "s:S1rl:hV", longs, NULL)) != -1) {
		*ret_status = EXIT_SUCCESS;
		switch (c) {
		case 's':
			ret->socket = optarg;
			break;
		case 'S':
			ret->sync = true;
			break;
		case '1':
			ret->once = true;
			break;
		case 'r':
			ret->replace = true;
			break;
		case 'l':
			ret->log = optarg;
			break;
		case TAKE_OVER:
			ret->take_over = optarg;
			break;
		case CHECK_STATE:
			ret->check = optarg;
			break;
		case 'h':
			usage();
			return 1;
		case 'V':
			puts("oci-ksmd " OCI_KSM_VERSION);
			return 1;
		default:
			*ret_status = usage_error(NULL);
			return 1;
		}
	}
	if (optind < argc)
		*ret_status = usage_error("there are no arguments but options");
	return optind < argc;
}

static int failed(const struct error *err, const char *log)
{
	log_error(err, "cannot serve");
	/* Whoever started it by hand looks here, not there. */
	if (strcmp(log, "stderr") != 0)
		fprintf(stderr, "oci-ksmd: %s\n", err->msg);
	return EXIT_FAILURE;
}

/* notify_replace says what it did, not what that means. */
static const char *advice(int rc)
{
	if (rc == -ENOENT || rc == -ECONNREFUSED)
		return " (no oci-ksmd runs there; start one without --replace)";
	return rc == -EACCES || rc == -EPERM ? " (that is another user's)" : "";
}

static int replace(const char *path)
{
	cleanup_close int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct error err = {0};
	int rc = program < 0 ? error_set(&err, errno, "open /proc/self/exe")
			     : notify_replace(path, program, REPLACE_TIMEOUT, &err);

	if (rc < 0) {
		fprintf(stderr, "oci-ksmd: %s%s\n", err.msg, advice(rc));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

static int check_state(const char *number)
{
	struct error err = {0};
	int64_t fd;

	if (proc_number(number, &fd) < 0 || fd < 0 || fd > INT_MAX)
		return usage_error("no descriptor");
	if (replace_check((int)fd, &err) == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "oci-ksmd: %s\n", err.msg);
	return EXIT_FAILURE;
}

/* Where to listen or to ask, absolute: a successor may have another working directory. */
static int socket_path(const struct options *options, const struct ocfg_settings *settings,
		       char *buf, size_t size, struct error *err)
{
	if (!options->socket)
		return notify_socket_path(settings, buf, size, err);
	if (options->socket[0] != '/')
		return error_set(err, EINVAL, "not an absolute path: %s", options->socket);
	if ((size_t)snprintf(buf, size, "%s", options->socket) >= size)
		return error_set(err, ENAMETOOLONG, "%s", options->socket);
	return 0;
}

/* The default place is in the folder of state, which nobody else may write to. */
static int make_folder(const struct options *options, const struct ocfg_settings *settings,
		       struct error *err)
{
	int fd;

	if (options->socket || settings->notify_socket)
		return 0;
	fd = paths_state_dir(settings, "", err);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int serve(const struct options *options, const struct ocfg_settings *settings,
		 const char *path, const char *log, char **argv)
{
	static struct keeper k;
	struct error err = {0};
	struct handover handover;
	int rc;

	k.sync = options->sync;
	k.once = options->once;
	k.argv = argv;
	/* Where records cannot be kept, none can say that a container was switched off. */
	k.switched = paths_state_dir(settings, SWITCHED_DIR, NULL);
	if (options->take_over) {
		rc = handover_parse(options->take_over, &handover, &err);
		if (rc == 0 && handover.made)
			keeper_own_path(&k, path);
		if (rc == 0)
			rc = start_taking_over(&k, &handover, &err);
	} else {
		rc = make_folder(options, settings, &err);
		if (rc == 0)
			rc = start_serving(&k, path, &err);
	}
	if (rc < 0)
		return failed(&err, log);
	keeper_run(&k);
	keeper_done(&k);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	struct ocfg_settings settings;
	struct ocfg_notes notes = {0};
	struct error err = {0}, unlogged = {0};
	char path[sizeof(((struct keeper *)NULL)->path)];
	const char *log;
	int status;

	if (parse_options(argc, argv, &options, &status) != 0)
		return status;
	if (options.log && !ocfg_log_is_valid(options.log))
		return usage_error("--log takes auto, syslog, stderr or file:/<path>");
	if (options.check)
		return check_state(options.check);
	status = ocfg_settings_load(NULL, &settings, &notes, &err);
	log = options.log	      ? options.log
	      : isatty(STDERR_FILENO) ? "stderr"
	      : settings.log	      ? settings.log
				      : "auto";
	if (log_check(log, &unlogged) < 0)
		fprintf(stderr, "oci-ksmd: %s\n", unlogged.msg);
	log_init("oci-ksmd", log);
	if (status < 0)
		log_error(&err, "settings, going on with the defaults");
	log_notes(&notes);
	if (socket_path(&options, &settings, path, sizeof(path), &err) < 0)
		status = failed(&err, log);
	else if (options.replace)
		status = replace(path);
	else
		status = serve(&options, &settings, path, log, argv);
	ocfg_settings_done(&settings);
	return status;
}
