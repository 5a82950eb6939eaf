/* SPDX-License-Identifier: Apache-2.0 */
/* oci-ksm-runtime: stands in front of an OCI runtime, edits what it will read, and becomes it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "hook/common/container.h"
#include "hook/common/log.h"
#include "hook/runtime/args.h"
#include "hook/runtime/edit.h"
#include "hook/runtime/features.h"
#include "hook/runtime/real.h"
#include "hook/runtime/report.h"

#define PROGRAM "oci-ksm-runtime"

/* Returns the exit status with which to end, or 0 to go on. */
static int edit(struct container *c, const struct args *args)
{
	struct error err = {0};
	int rc = 0;

	if (args->command == ARGS_CREATE || args->command == ARGS_RUN) {
		rc = edit_create(c, args, &err);
		if (rc < 0 && container_tell_fault(c, &err) != 0) {
			report_failure(args, &err);
			return 1;
		}
	} else if (args->command == ARGS_EXEC) {
		rc = edit_exec(c, args, &err);
		if (rc < 0)
			container_warn(c, &err, "the process starts without merging");
	} else if (args->command == ARGS_DELETE) {
		edit_delete(c, args);
	}
	return 0;
}

/* There is no runtime to go on with. */
static int fail(const struct args *args, const struct error *err)
{
	log_line(LOG_LEVEL_ERROR, "%s", err->msg);
	fprintf(stderr, PROGRAM ": %s\n", err->msg);
	report_failure(args, err);
	return 127;
}

int main(int argc, char **argv)
{
	struct container c;
	struct args args;
	struct error err = {0};
	char real[PATH_MAX];
	int status;

	if (argc < 1)
		return 127;
	container_init(&c, PROGRAM);
	args_parse(argc, argv, &args);
	if (args.id)
		log_container(args.id);
	c.edits_config = true;
	c.ask_runtime = features_ask;
	c.runtime = real;
	status = real_find(argv[0], &c.settings, real, sizeof(real), &err) < 0 ? fail(&args, &err)
									       : edit(&c, &args);
	container_done(&c);
	if (status != 0)
		return status;
	argv[0] = real;
	execv(real, argv);
	error_set(&err, errno, "start %s", real);
	return fail(&args, &err);
}
