/* SPDX-License-Identifier: Apache-2.0 */
/* oci-ksm run, and ksm-wrapper: a program, without a container, whose memory can be merged. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/cli/cli.h"
#include "hook/cli/run_notify.h"
#include "hook/cli/run_record.h"
#include "hook/common/ksm.h"
#include "hook/common/layout.h"
#include "hook/common/paths.h"
#include "hook/common/probe.h"
#include "hook/common/program.h"
#include "oci-config/cleanup.h"
#include "oci-config/env.h"
#include "oci-config/json.h"
#include "oci-config/mode.h"
#include "oci-config/plan.h"
#include "oci-config/policy.h"

struct run_options {
	struct ocfg_wishes wishes;
	bool sync; /* notify: memory is marked before the program goes on */
};

static void usage(void)
{
	puts("Usage:\n"
	     " oci-ksm run [<options>] [--] <command> [<argument>...]\n\n"
	     "Run a program whose memory can be merged.\n\n"
	     "Options:\n"
	     " -m, --mode=<mode>      process, preload, notify, several with commas, auto (the "
	     "default)\n"
	     "                        or off\n"
	     " -s, --min-size=<size>  smallest region that is made mergeable: bytes, or with K, M, "
	     "G\n"
	     "     --domain=<name>    trust domain: nothing is merged while another one merges\n"
	     "     --layout=shared    the same address layout in all copies: more merges, no ASLR\n"
	     "     --sync             notify: memory is made mergeable before the program goes on\n"
	     " -r, --required         fail instead of going on without merging\n"
	     " -h, --help             display this help\n\n"
	     "The exit status is the command's; 125 if oci-ksm fails, 126 if the command cannot "
	     "be\n"
	     "started, 127 if there is none of that name.");
}

/* LD_PRELOAD as the program shall have it: what is there already comes first. */
static int add_preload(const char *preload_dir, struct error *err)
{
	cleanup_json json_object *env = json_object_new_array();
	const char *before = getenv("LD_PRELOAD");
	char entry[PATH_MAX + sizeof(OCFG_PLAN_SHIM)];
	int rc = env ? 0 : error_set(err, ENOMEM, "environment");

	snprintf(entry, sizeof(entry), "%s/" OCFG_PLAN_SHIM, preload_dir);
	if (strpbrk(preload_dir, ": "))
		return error_set(err, EINVAL,
				 "%s: LD_PRELOAD cannot hold a path with a space or colon",
				 preload_dir);
	if (rc == 0 && before)
		rc = ocfg_env_set(env, "LD_PRELOAD", before, err);
	if (rc == 0)
		rc = ocfg_env_list_add(env, "LD_PRELOAD", entry, err);
	if (rc == 0 && setenv("LD_PRELOAD", ocfg_env_get(env, "LD_PRELOAD"), 1) < 0)
		rc = error_set(err, errno, "set LD_PRELOAD");
	return rc;
}

static const char *min_size_of_environment(void)
{
	const char *text = getenv("OCI_KSM_MIN_SIZE");

	return text ? text : getenv("KSMP_MERGE_THRESHOLD");
}

/* As the shim reads it, unless it is told another one. */
static size_t parse_min_size(const char *text)
{
	size_t size = 0;

	return text && ocfg_size_parse(text, &size, NULL) == 0 ? size : 0;
}

static int add_min_size(size_t min_size, struct error *err)
{
	char text[32];

	if (!min_size || min_size == parse_min_size(min_size_of_environment()))
		return 0;
	snprintf(text, sizeof(text), "%zu", min_size);
	if (setenv("OCI_KSM_MIN_SIZE", text, 1) < 0)
		return error_set(err, errno, "set OCI_KSM_MIN_SIZE");
	return 0;
}

/* Why a mode cannot be had. */
struct missing {
	struct error preload, notify, process;
};

/* Which modes can be had. A helper of the program's own is started only for who asks for that mode. */
static void find_features(const struct ocfg_settings *settings, const struct ocfg_wishes *wishes,
			  const char *command, struct ocfg_features *ret, struct run_notify *helper,
			  struct missing *missing)
{
	char preload_dir[PATH_MAX];

	*ret = (struct ocfg_features){.ksm = ksm_is_present()};
	if (settings->no_layout_shared)
		ret->no_layout = "the settings refuse it (layout_shared)";
	ret->preload = paths_preload_dir(settings, preload_dir, sizeof(preload_dir),
					 &missing->preload) == 0;
	if (!ret->preload)
		ret->no_preload = missing->preload.msg;
	if (ocfg_policy_needs_process(ret, wishes)) {
		ret->process = probe_process(settings, &missing->process) == 0;
		if (!ret->process)
			ret->no_process = missing->process.msg;
	}
	if (ocfg_policy_needs_program(ret, wishes))
		ret->program = program_of_command(command);
	if (!ocfg_policy_needs_notify(ret, wishes))
		return;
	ret->notify = run_notify_find(settings, wishes->modes & OCFG_MODE_NOTIFY, helper,
				      &missing->notify) == 0;
	if (!ret->notify)
		ret->no_notify = missing->notify.msg;
}

static int enter_notify(const struct ocfg_settings *settings, const struct run_options *options,
			const struct run_notify *helper, struct error *err)
{
	size_t min_size = options->wishes.min_size;
	struct ocfg_notify notify = {
		.min_size = min_size ? min_size : OCFG_NOTIFY_MIN_SIZE,
		.regions = min_size != 0,
		.sync = options->sync,
		.brk = options->sync || settings->notify_brk,
	};

	return run_notify_enter(helper, &notify, err);
}

/* What the program gets in its environment. */
static int enter_preload(const struct ocfg_settings *settings, const struct ocfg_wishes *wishes,
			 struct error *err)
{
	char preload_dir[PATH_MAX];
	int rc = paths_preload_dir(settings, preload_dir, sizeof(preload_dir), err);

	if (rc == 0)
		rc = add_preload(preload_dir, err);
	if (rc == 0)
		rc = add_min_size(wishes->min_size, err);
	return rc;
}

/* What needs no filter. */
static int enter_first(const struct ocfg_settings *settings, const struct ocfg_wishes *wishes,
		       const struct ocfg_decision *decision, struct error *err)
{
	int rc = 0;

	if (decision->modes & OCFG_MODE_PROCESS)
		rc = ksm_merge_self(true, err);
	if (rc == 0 && decision->modes & OCFG_MODE_PRELOAD)
		rc = enter_preload(settings, wishes, err);
	if (rc == 0 && decision->layout_shared)
		rc = layout_share(true, err);
	if (rc < 0 && decision->modes & OCFG_MODE_PROCESS)
		(void)ksm_merge_self(false, NULL);
	return rc;
}

/* The filter comes last: from then on nothing may be allocated. */
static int enter(const struct ocfg_settings *settings, const struct run_options *options,
		 const struct run_notify *helper, struct ocfg_decision *decision, struct error *err)
{
	int rc = 0;

	if (!decision->modes)
		return 0;
	rc = run_record_claim(settings, &options->wishes, decision, err);
	if (rc < 0)
		return rc;
	rc = enter_first(settings, &options->wishes, decision, err);
	if (rc < 0) {
		decision->modes = 0;
		run_record_update(settings, &options->wishes, decision);
		return rc;
	}
	if (!(decision->modes & OCFG_MODE_NOTIFY))
		return 0;
	rc = enter_notify(settings, options, helper, err);
	if (rc < 0 && rc != -EPIPE) {
		decision->modes &= ~(unsigned)OCFG_MODE_NOTIFY;
		run_record_update(settings, &options->wishes, decision);
	}
	return rc;
}

/* Prepares this process so that what it execs is mergeable. *ret_modes: the ways in which it is, also after an error. */
static int prepare(const struct ocfg_settings *settings, const struct run_options *options,
		   const char *command, unsigned *ret_modes, struct error *err)
{
	const struct ocfg_wishes *wishes = &options->wishes;
	struct ocfg_decision decision;
	struct ocfg_features features;
	struct missing missing = {0};
	struct run_notify helper;
	int rc;

	*ret_modes = 0;
	find_features(settings, wishes, command, &features, &helper, &missing);
	ocfg_policy_choose(&features, wishes, &decision);
	if (!decision.as_wished && (wishes->required || !decision.modes))
		return error_set(err, EINVAL, "%s", decision.reason);
	if (!decision.as_wished || decision.layout_shared)
		cli_warn("%s", decision.reason);
	rc = enter(settings, options, &helper, &decision, err);
	*ret_modes = decision.modes;
	return rc;
}

static int run(const struct ocfg_settings *settings, const struct run_options *options, char **argv)
{
	char left[64], proceeding[96] = "out merging";
	struct error err = {0};
	unsigned modes;
	int rc = prepare(settings, options, argv[0], &modes, &err);

	if (rc < 0) {
		bool ends = options->wishes.required || rc == -EPIPE;

		if (modes)
			snprintf(proceeding, sizeof(proceeding), " %s alone",
				 ocfg_mode_format(modes, left, sizeof(left)));
		cli_warn("%s%s%s", err.msg, ends ? "" : ", proceeding with",
			 ends ? "" : proceeding);
		if (ends)
			return CLI_RUN_FAILED;
	}
	execvp(argv[0], argv);
	rc = errno;
	cli_warn("%s: %s", argv[0], strerror(rc));
	return rc == ENOENT ? CLI_RUN_NOT_FOUND : CLI_RUN_CANNOT_EXEC;
}

/* The wishes before options and without any: the settings', but a user's environment goes before these. */
static void default_wishes(const struct ocfg_settings *settings, struct ocfg_wishes *ret)
{
	const char *min_size = min_size_of_environment();

	*ret = (struct ocfg_wishes){
		.modes = settings->mode,
		.min_size = min_size ? parse_min_size(min_size) : settings->min_size,
	};
	memcpy(ret->domain, settings->domain, sizeof(ret->domain));
}

static int read_domain(const char *value, struct ocfg_wishes *ret, struct error *err)
{
	int rc = ocfg_domain_parse(value, ret->domain, err);

	return rc < 0 ? error_wrap(err, "--domain=%.80s", value) : 0;
}

static int read_layout(const char *value, struct ocfg_wishes *ret, struct error *err)
{
	if (strcmp(value, "shared") != 0)
		return error_set(err, EINVAL, "unknown layout \"%.32s\"", value);
	ret->layout_shared = true;
	return 0;
}

/* 0, CLI_USAGE, or -1 after --help. */
static int parse(int argc, char **argv, struct run_options *ret)
{
	enum { SYNC = 256, DOMAIN, LAYOUT };
	static const struct option longs[] = {
		{"mode", required_argument, NULL, 'm'},
		{"min-size", required_argument, NULL, 's'},
		{"sync", no_argument, NULL, SYNC},
		{"required", no_argument, NULL, 'r'},
		{"domain", required_argument, NULL, DOMAIN},
		{"layout", required_argument, NULL, LAYOUT},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct error err = {0};
	int c;

	while ((c = getopt_long(argc, argv, "+m:s:rh", longs, NULL)) != -1) {
		int rc = 0;

		if (c == 'm')
			rc = ocfg_mode_parse(optarg, &ret->wishes.modes, &err);
		else if (c == 's')
			rc = ocfg_size_parse(optarg, &ret->wishes.min_size, &err);
		else if (c == DOMAIN)
			rc = read_domain(optarg, &ret->wishes, &err);
		else if (c == LAYOUT)
			rc = read_layout(optarg, &ret->wishes, &err);
		else if (c == SYNC)
			ret->sync = true;
		else if (c == 'r')
			ret->wishes.required = true;
		else if (c == 'h')
			return usage(), -1;
		else
			return cli_try_help("run");
		if (rc < 0)
			return cli_usage_error("run", "%s", err.msg);
	}
	if (ret->sync && !(ret->wishes.modes & OCFG_MODE_NOTIFY))
		return cli_usage_error("run", "--sync needs --mode=notify");
	return optind < argc ? 0 : cli_usage_error("run", "a command to run is missing");
}

int cli_run(int argc, char **argv)
{
	struct run_options options = {0};
	struct ocfg_settings settings;
	int rc;

	cli_settings(&settings);
	default_wishes(&settings, &options.wishes);
	rc = parse(argc, argv, &options);
	if (rc == 0)
		rc = run(&settings, &options, argv + optind);
	ocfg_settings_done(&settings);
	return rc < 0 ? CLI_OK : rc;
}

int cli_run_wrapper(int argc, char **argv)
{
	struct run_options options = {0};
	struct ocfg_settings settings;
	int rc;

	if (argc < 2 || argv[1][0] == '-') {
		puts("Usage:\n ksm-wrapper <command> [<argument>...]\n\n"
		     "The same as: oci-ksm run --mode=preload -- <command> [<argument>...]");
		return argc < 2 || strcmp(argv[1], "--help") != 0 ? CLI_USAGE : CLI_OK;
	}
	cli_settings(&settings);
	default_wishes(&settings, &options.wishes);
	options.wishes.modes = OCFG_MODE_PRELOAD;
	rc = run(&settings, &options, argv + 1);
	ocfg_settings_done(&settings);
	return rc;
}
