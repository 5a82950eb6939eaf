/* SPDX-License-Identifier: Apache-2.0 */
/* oci-ksm doctor: does merging work on this host, and if not, what has to be done? */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/cli/cli.h"
#include "hook/cli/probes.h"
#include "hook/cli/table.h"
#include "hook/common/probe.h"
#include "oci-config/json.h"

static const struct {
	const char *word;
	const char *colour;
} verdicts[] = {
	[PROBE_OK] = {"ok", "\033[32m"},
	[PROBE_WARN] = {"warn", "\033[33m"},
	[PROBE_FAIL] = {"fail", "\033[31m"},
};

struct output {
	bool colours;
	json_object *array; /* NULL: for people */
	bool failed;	    /* merging will not work */
	int rc;
	struct error *err;
};

static bool wants_colours(void)
{
	const char *no = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && (!no || !*no);
}

static void print(const struct output *out, const struct doctor_probe *probe, enum verdict verdict,
		  const char *detail, const char *remedy)
{
	printf("%s%-4s%s  %s %s\n", out->colours ? verdicts[verdict].colour : "",
	       verdicts[verdict].word, out->colours ? "\033[0m" : "", probe->question, detail);
	if (verdict != PROBE_OK)
		printf("      -> %s\n", remedy);
}

static void add(struct output *out, const struct doctor_probe *probe, enum verdict verdict,
		const char *detail, const char *remedy)
{
	const struct {
		const char *key, *value;
	} members[] = {
		{"id", probe->id},
		{"question", probe->question},
		{"verdict", verdicts[verdict].word},
		{"detail", detail},
		{"remedy", verdict == PROBE_OK ? "" : remedy},
	};
	json_object *object = json_object_new_object();

	out->rc = ocfg_json_append(out->array, object, out->err);
	for (size_t i = 0; out->rc == 0 && i < sizeof(members) / sizeof(members[0]); i++)
		out->rc = ocfg_json_add(object, members[i].key,
					json_object_new_string(members[i].value), out->err);
}

static void ask(struct output *out, const struct probe_context *context,
		const struct doctor_probe *probes, size_t count)
{
	for (size_t i = 0; i < count && out->rc == 0; i++) {
		char detail[PROBE_DETAIL] = "";
		const char *remedy;
		enum verdict verdict;

		context->advice[0] = '\0';
		verdict = probes[i].check(context, detail);
		remedy = context->advice[0] ? context->advice : probes[i].remedy;
		if (verdict == PROBE_SKIP)
			continue;
		out->failed = out->failed || verdict == PROBE_FAIL;
		if (out->array)
			add(out, &probes[i], verdict, detail, remedy);
		else
			print(out, &probes[i], verdict, detail, remedy);
	}
}

static void ask_all(struct output *out)
{
	char advice[PROBE_DETAIL];
	struct probe_context context = {.advice = advice};
	struct ocfg_notes notes = {0};

	/* What is wrong in the settings is a probe's finding. */
	(void)ocfg_settings_load(NULL, &context.settings, &notes, NULL);
	context.found = probe_cached(&context.settings, PROBE_ALL);
	ask(out, &context, probes_kernel, probes_kernel_count);
	ask(out, &context, probes_ksmd, probes_ksmd_count);
	ask(out, &context, probes_features, probes_features_count);
	ask(out, &context, probes_install, probes_install_count);
	ask(out, &context, probes_notify, probes_notify_count);
	ocfg_settings_done(&context.settings);
}

static int report_json(struct output *out)
{
	cleanup_json json_object *doc = json_object_new_object();
	const char *text;

	if (!doc)
		return error_set(out->err, ENOMEM, "JSON");
	out->rc = ocfg_json_add(doc, "version", json_object_new_int(TABLE_VERSION), out->err);
	if (out->rc == 0) {
		out->array = json_object_new_array();
		out->rc = ocfg_json_add(doc, "probes", out->array, out->err);
	}
	if (out->rc == 0)
		ask_all(out);
	if (out->rc == 0)
		out->rc = ocfg_json_add(doc, "works", json_object_new_boolean(!out->failed),
					out->err);
	if (out->rc < 0)
		return out->rc;
	text = json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PRETTY |
							   JSON_C_TO_STRING_SPACED |
							   JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!text)
		return error_set(out->err, ENOMEM, "JSON");
	puts(text);
	return 0;
}

static void usage(void)
{
	puts("Usage:\n"
	     " oci-ksm doctor [<options>]\n\n"
	     "Check whether merging works on this host; each line that is not ok says what to "
	     "do;\ncommands in it stand between backquotes.\n\n"
	     "Options:\n"
	     " -J, --json  as JSON\n"
	     " -h, --help  display this help\n\n"
	     "The exit status is 0 only if merging will work.");
}

int cli_doctor(int argc, char **argv)
{
	static const struct option longs[] = {
		{"json", no_argument, NULL, 'J'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct error err = {0};
	struct output out = {.err = &err};
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "Jh", longs, NULL)) != -1) {
		if (c == 'h')
			return usage(), CLI_OK;
		if (c != 'J')
			return cli_try_help("doctor");
		json = true;
	}
	if (optind != argc)
		return cli_usage_error("doctor", "unexpected argument: %s", argv[optind]);
	out.colours = wants_colours();
	if (json)
		(void)report_json(&out);
	else
		ask_all(&out);
	if (err.code)
		cli_warn("%s", err.msg);
	return err.code || out.failed ? CLI_FAILED : CLI_OK;
}
