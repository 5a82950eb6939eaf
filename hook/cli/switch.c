/* SPDX-License-Identifier: Apache-2.0 */
/* oci-ksm enable, oci-ksm disable: merging switched on and off for what runs. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hook/cli/cli.h"
#include "hook/cli/switch_print.h"
#include "hook/cli/table.h"
#include "hook/common/domain.h"
#include "hook/common/ksm.h"
#include "hook/common/notify_socket.h"
#include "hook/common/paths.h"
#include "hook/common/probe.h"
#include "oci-config/cleanup.h"

#define HELLO_MS 1000

struct options {
	const char *command; /* "enable" or "disable" */
	bool on, json;
	struct mark_options mark;
};

struct context {
	const struct options *options;
	struct mark_options mark;
	struct ocfg_settings settings;
	int dir; /* of what was switched, or -1 */
	json_object *array;
	bool failed, regions;
};

static struct switched describe(const struct switch_target *target, bool merging, char *reason)
{
	static char by[] = "operator";

	return (struct switched){.id = (char *)target->id,
				 .cgroup = target->cgroup[0] ? (char *)target->cgroup : NULL,
				 .cgroup_inode = target->cgroup_inode,
				 .pid = target->pid,
				 .start_time = target->start_time,
				 .alone = target->alone,
				 .merging = merging,
				 .by = by,
				 .reason = reason,
				 .since = (uint64_t)time(NULL)};
}

static void save(const struct context *context, const struct switched *switched)
{
	struct error err = {0};

	if (context->dir >= 0 && switched_save(context->dir, switched, &err) < 0)
		cli_warn("%s, so oci-ksmd and status do not know of it", err.msg);
}

/* Where filters of system calls can be suspended none has to be known. */
static void find_filters(struct context *context, struct switch_outcome *outcome)
{
	const struct mark_target target = switch_target_mark(outcome->target);
	cleanup_close int records = -1;

	context->mark.filters = (struct mark_filters){0};
	if (context->mark.features & PROBE_SUSPEND_SECCOMP)
		return;
	records = paths_state_dir(&context->settings, "containers", NULL);
	(void)mark_filters_find(&target, outcome->target->id, records, &context->mark.filters,
				&outcome->filters_err);
}

static int lock(const struct context *context)
{
	return context->dir < 0 ? -1 : switched_lock(context->dir, NULL);
}

/* What was written last, if anything was, stands again. */
static void restore(const struct context *context, const struct switch_target *target,
		    const struct switched *before)
{
	if (before->id)
		save(context, before);
	else if (context->dir >= 0)
		(void)switched_remove(context->dir, target->id, NULL);
}

/* Held until all is marked: the steward would trace the same processes. Written first: nobody of another trust domain begins. */
static void enable(struct context *context, struct switch_outcome *outcome)
{
	static char begun[] = "merging is being switched on";
	const struct mark_target target = switch_target_mark(outcome->target);
	cleanup_close int held = lock(context);
	struct switched before = {0}, switched = describe(outcome->target, true, begun);
	char reason[ERROR_SIZE + 256];

	(void)held;
	if (context->dir >= 0) {
		(void)switched_load(context->dir, outcome->target->id, &before, NULL);
		if (domain_switch_on(&context->settings, &switched, &outcome->err) < 0) {
			switched_done(&before);
			return;
		}
	}
	mark_container(&target, &context->mark, &outcome->result, &outcome->err);
	switch_sentence(outcome, reason, sizeof(reason));
	switched.reason = reason;
	if (!outcome->err.code)
		save(context, &switched);
	else
		restore(context, outcome->target, &before);
	if (outcome->result.whole < outcome->result.processes)
		context->regions = true;
	switched_done(&before);
}

/* Written first: nobody marks what is being unmarked. What cannot be ended is as it was. */
static void disable(struct context *context, struct switch_outcome *outcome)
{
	static char begun[] = SWITCHED_BEGUN;
	const struct mark_target target = switch_target_mark(outcome->target);
	struct switched before = {0}, switched;
	char reason[ERROR_SIZE + 256];
	int held = lock(context);

	if (context->dir >= 0)
		(void)switched_load(context->dir, outcome->target->id, &before, NULL);
	switched = describe(outcome->target, false, begun);
	save(context, &switched);
	if (held >= 0)
		close(held);
	unmark_container(&target, &context->mark, &outcome->result, &outcome->err);
	held = lock(context);
	switch_sentence(outcome, reason, sizeof(reason));
	if (!outcome->err.code) {
		switched.reason = reason;
		save(context, &switched);
	} else {
		restore(context, outcome->target, &before);
	}
	if (held >= 0)
		close(held);
	switched_done(&before);
}

static int switch_one(struct context *context, const struct target *target, struct error *err)
{
	json_object *item = NULL;
	struct switch_target one;
	struct switch_outcome outcome = {.target = &one, .on = context->options->on};
	int rc = switch_target_init(target, &one, &outcome.err);

	context->mark.data = target->name;
	if (rc == 0)
		find_filters(context, &outcome);
	if (rc == 0)
		(outcome.on ? enable : disable)(context, &outcome);
	if (context->mark.progress)
		switch_progress_end();
	/* Whatever is left alone is no fault, but nothing done at all is. */
	context->failed = context->failed || outcome.err.code || !outcome.result.processes;
	if (!context->options->json) {
		switch_tell(&outcome);
		return 0;
	}
	rc = switch_json(&outcome, &item, err);
	return rc < 0 ? rc : ocfg_json_append(context->array, item, err);
}

/* What the caller should know besides. */
static void advise(const struct context *context)
{
	struct notify_hello hello;
	char path[4096];
	bool helped;

	if (!context->options->on || context->failed)
		return;
	if (ksm_sys_get("run") != 1)
		cli_warn("ksmd does not scan, so nothing will be merged: oci-ksm tune");
	/* Where systemd listens for it this starts it: its steward looks after what is new in the container. */
	helped = notify_socket_path(&context->settings, path, sizeof(path), NULL) == 0 &&
		 notify_hello(path, HELLO_MS, &hello, NULL) == 0;
	if (context->regions && !helped)
		cli_warn("what these programs map from now on is marked by oci-ksmd only, which "
			 "does not answer; or repeat this now and then");
}

static int switch_targets(struct context *context, const struct target *targets, size_t count,
			  struct error *err)
{
	cleanup_json json_object *doc = context->options->json ? json_object_new_object() : NULL;
	const char *text;
	size_t len;
	int rc = 0;

	if (doc) {
		rc = ocfg_json_add(doc, "version", json_object_new_int(TABLE_VERSION), err);
		context->array = json_object_new_array();
		if (rc == 0)
			rc = ocfg_json_add(doc, "containers", context->array, err);
	}
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = switch_one(context, &targets[i], err);
	if (rc == 0 && doc)
		rc = ocfg_json_print(doc, &text, &len, err);
	if (rc == 0 && doc)
		puts(text);
	return rc;
}

static int switch_all(const struct options *options, char **args, size_t args_count,
		      struct error *err)
{
	struct context context = {.options = options, .mark = options->mark, .dir = -1};
	struct target *targets = NULL;
	struct error state = {0};
	size_t count = 0;
	int rc;

	cli_settings(&context.settings);
	context.mark.features = probe_cached(&context.settings, PROBE_PROCESS_WIDE | PROBE_MADVISE |
									PROBE_PROCESS_MADVISE |
									PROBE_SUSPEND_SECCOMP);
	if (options->on && !(context.mark.features & PROBE_MADVISE))
		rc = error_set(err, ENOSYS, "this kernel has no KSM (CONFIG_KSM)");
	else if (context.mark.how == MARK_PROCESS)
		rc = probe_process(&context.settings, err);
	else
		rc = 0;
	if (rc == 0)
		rc = targets_find(args, args_count, &targets, &count, err);
	if (rc == 0) {
		context.dir = paths_state_dir(&context.settings, SWITCHED_DIR, &state);
		if (context.dir < 0)
			cli_warn("%s, so oci-ksmd and status will not know of it", state.msg);
		rc = switch_targets(&context, targets, count, err);
		advise(&context);
	}
	targets_free(targets, count);
	ocfg_settings_done(&context.settings);
	if (context.dir >= 0)
		close(context.dir);
	return rc < 0 ? rc : context.failed;
}

static void usage(bool on)
{
	printf("Usage:\n"
	       " oci-ksm %s [<options>] <target>...\n\n",
	       on ? "enable" : "disable");
	puts(on ? "Make the memory of running programs mergeable, without a restart."
		: "Take merging back from running programs, slowly, as long as memory limits allow "
		  "it.");
	puts(TARGETS_HELP "\n"
			  "Options:\n"
			  " -J, --json         say as JSON what was done, sizes in bytes");
	if (on)
		puts(" -m, --mode=<mode>  process: whole processes; regions: what they have "
		     "mapped; "
		     "auto: what is right here (default)");
	puts(" -h, --help         display this help");
}

static int parse_mode(const char *text, enum mark_how *ret)
{
	static const char *const names[] = {
		[MARK_AUTO] = "auto", [MARK_PROCESS] = "process", [MARK_REGIONS] = "regions"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(text, names[i])) {
			*ret = (enum mark_how)i;
			return 0;
		}
	return cli_usage_error("enable", "unknown mode: %s (auto, process, regions)", text);
}

/* 0, CLI_USAGE, or -1 after --help. */
static int parse(int argc, char **argv, struct options *ret)
{
	static const struct option longs[] = {
		{"mode", required_argument, NULL, 'm'}, /* of enable only */
		{"json", no_argument, NULL, 'J'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c, rc;

	while ((c = getopt_long(argc, argv, ret->on ? "Jm:h" : "Jh", longs + !ret->on, NULL)) !=
	       -1) {
		if (c == 'J')
			ret->json = true;
		else if (c == 'm' && (rc = parse_mode(optarg, &ret->mark.how)) != 0)
			return rc;
		else if (c == 'h')
			return usage(ret->on), -1;
		else if (c != 'm')
			return cli_try_help(ret->command);
	}
	if (optind == argc)
		return cli_usage_error(ret->command, "a target is missing");
	return 0;
}

static int run(struct options *options, int argc, char **argv)
{
	struct error err = {0};
	int rc = parse(argc, argv, options);

	if (rc)
		return rc < 0 ? CLI_OK : rc;
	if (isatty(STDERR_FILENO))
		options->mark.progress = switch_progress;
	rc = switch_all(options, argv + optind, (size_t)(argc - optind), &err);
	if (rc < 0)
		cli_warn("%s", err.msg);
	return rc ? CLI_FAILED : CLI_OK;
}

int cli_enable(int argc, char **argv)
{
	struct options options = {.command = "enable", .on = true};

	return run(&options, argc, argv);
}

int cli_disable(int argc, char **argv)
{
	struct options options = {.command = "disable"};

	return run(&options, argc, argv);
}
