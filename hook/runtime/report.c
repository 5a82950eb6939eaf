/* SPDX-License-Identifier: Apache-2.0 */
/* Telling an engine why its container does not start, in the way that the real runtime would. */
#include "hook/runtime/report.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hook/common/escape.h"
#include "oci-config/cleanup.h"
#include "oci-config/json.h"

#define REPORT_PREFIX "oci-ksm: "

/* {"level":"error","msg":"...","time":"..."}: what runc writes, and containerd and podman read. */
static void print_json(FILE *file, const char *msg, const char *when)
{
	cleanup_json json_object *line = json_object_new_object();
	const char *text;
	size_t len;

	if (line && ocfg_json_add(line, "level", json_object_new_string("error"), NULL) == 0 &&
	    ocfg_json_add(line, "msg", json_object_new_string(msg), NULL) == 0 &&
	    ocfg_json_add(line, "time", json_object_new_string(when), NULL) == 0 &&
	    ocfg_json_print(line, &text, &len, NULL) == 0)
		fprintf(file, "%s\n", text);
}

void report_failure(const struct args *args, const struct error *err)
{
	char msg[ESCAPED_SIZE(sizeof(err->msg)) + sizeof(REPORT_PREFIX)] = REPORT_PREFIX,
						  when[32] = "";
	time_t now = time(NULL);
	struct tm utc;
	cleanup_file FILE *file = NULL;

	if (!args->log)
		return;
	file = fopen(args->log, "ae");
	if (!file)
		return;
	escape(err->msg, msg + strlen(REPORT_PREFIX), sizeof(msg) - strlen(REPORT_PREFIX));
	if (gmtime_r(&now, &utc))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
	if (args->log_format && !strcmp(args->log_format, "json"))
		print_json(file, msg, when);
	else
		fprintf(file, "time=\"%s\" level=error msg=\"%s\"\n", when, msg);
}
