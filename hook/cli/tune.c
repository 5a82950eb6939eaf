/* SPDX-License-Identifier: Apache-2.0 */
/* oci-ksm tune: the host's KSM switched on at a sensible speed, and put back as it was. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hook/cli/cli.h"
#include "hook/common/ksm_tuning.h"
#include "hook/common/paths.h"
#include "hook/common/proc.h"
#include "oci-config/cleanup.h"

struct options {
	bool dry, restore;
	struct ocfg_ksm ksm; /* of the settings and the command line */
};

static void usage(void)
{
	puts("Usage:\n"
	     " oci-ksm tune [<options>]\n\n"
	     "Switch the host's KSM on, at a sensible speed, until --restore or a boot.\n"
	     "Each change is printed; the values of before the first one are kept.\n\n"
	     "Options:\n"
	     " -n, --dry-run              say what would be changed, and why; change nothing\n"
	     " -r, --restore              put back what was changed, if nobody else has changed it "
	     "since\n"
	     " -t, --scan-time=<seconds>  go through all memory once in this time (60)\n"
	     " -c, --cpu=<percent>        of one CPU for that at most (30)\n"
	     " -h, --help                 display this help\n\n"
	     "The block \"ksm\" of the settings says the same, and more, for each time.");
}

static int64_t memory_total(void)
{
	return (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

/* Why this value, for the changes of tune; what boost and pressure make is not told here. */
static void print_reason(const struct options *options, enum ksm_knob knob, int64_t to)
{
	bool given = options->ksm.pages_to_scan != OCFG_KSM_UNSET ||
		     options->ksm.sleep_millisecs != OCFG_KSM_UNSET;

	if (knob == KSM_RUN && to == 1)
		fputs("  (ksmd scans)", stdout);
	else if (knob == KSM_ADVISOR_MODE && to == KSM_ADVISOR_SCAN_TIME)
		fputs("  (the kernel sets the speed itself, from what a scan takes)", stdout);
	else if (knob == KSM_ADVISOR_TARGET_SCAN_TIME)
		fputs("  (seconds for a scan; pages merge at their second one)", stdout);
	else if (knob == KSM_ADVISOR_MAX_CPU)
		fputs("  (percent of one CPU for ksmd at most)", stdout);
	else if (knob == KSM_PAGES_TO_SCAN && !given)
		printf("  (this kernel has no advisor: for %" PRId64 " MiB of memory)",
		       memory_total() >> 20);
	else if (knob == KSM_SMART_SCAN && options->ksm.smart_scan == OCFG_KSM_UNSET)
		fputs("  (with it, pages of programs that started at different times may never "
		      "merge)",
		      stdout);
	else if (knob != KSM_SLEEP_MILLISECS && knob != KSM_ADVISOR_MODE)
		fputs("  (settings)", stdout);
}

static void print(const struct options *options, const struct ksm_outcome *outcome)
{
	bool any = false;

	for (unsigned i = 0; i < outcome->plan.count; i++) {
		const struct ksm_step *step = &outcome->plan.step[i];
		bool done = step->kind <= KSM_STEP_RESTORE && !outcome->error[i].code;
		char text[ERROR_SIZE + 64];

		if (step->kind == KSM_STEP_FORGET)
			continue;
		any = true;
		ksm_outcome_text(outcome, i, text, sizeof(text));
		if (!done) {
			cli_warn("%s", text);
			continue;
		}
		fputs(text, stdout);
		if (step->kind == KSM_STEP_WRITE && !options->restore)
			print_reason(options, step->knob, step->to);
		puts(options->dry ? "  [not done]" : "");
	}
	if (!any)
		puts(options->restore ? "Nothing to put back." : "Nothing to change.");
}

/* EBUSY is nobody's fault: what was asked for could be done only before pages were merged. */
static int status_of(const struct ksm_outcome *outcome)
{
	for (unsigned i = 0; i < outcome->plan.count; i++)
		if (outcome->error[i].code && outcome->error[i].code != EBUSY)
			return CLI_FAILED;
	return CLI_OK;
}

static int tune(const struct ocfg_settings *settings, const struct options *options)
{
	struct ksm_knobs wish = KSM_KNOBS_NONE, now;
	cleanup_close int dir = -1;
	struct ksm_outcome outcome;
	struct error err = {0};

	if (!ksm_is_present()) {
		cli_warn("this kernel has no KSM: there is no " KSM_SYS_DIR);
		return CLI_FAILED;
	}
	ksm_knobs_read(&now);
	if (!options->restore)
		ksm_wishes_tune(&options->ksm, &now, memory_total(), &wish);
	dir = paths_state_dir(settings, "", &err);
	if (dir < 0 || ksm_tuning_tune(dir, &wish, options->dry, &outcome, &err) < 0) {
		cli_warn("%s", err.msg);
		return CLI_FAILED;
	}
	print(options, &outcome);
	return status_of(&outcome);
}

static bool number(const char *text, int64_t max, int64_t *ret)
{
	int64_t value;

	if (strspn(text, "0123456789") != strlen(text) || proc_number(text, &value) < 0 ||
	    value < 1 || value > max)
		return false;
	*ret = value;
	return true;
}

int cli_tune(int argc, char **argv)
{
	static const struct option longs[] = {
		{"dry-run", no_argument, NULL, 'n'},
		{"restore", no_argument, NULL, 'r'},
		{"scan-time", required_argument, NULL, 't'},
		{"cpu", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int64_t scan_time = OCFG_KSM_UNSET, cpu = OCFG_KSM_UNSET;
	struct ocfg_settings settings;
	struct options options = {0};
	int c, status;

	while ((c = getopt_long(argc, argv, "nrt:c:h", longs, NULL)) != -1) {
		if (c == 'h')
			return usage(), CLI_OK;
		else if (c == 'n')
			options.dry = true;
		else if (c == 'r')
			options.restore = true;
		else if (c == 't' && !number(optarg, 86400, &scan_time))
			return cli_usage_error("tune", "not 1 to 86400 seconds: %s", optarg);
		else if (c == 'c' && !number(optarg, 100, &cpu))
			return cli_usage_error("tune", "not 1 to 100 percent: %s", optarg);
		else if (c == '?')
			return cli_try_help("tune");
	}
	if (optind != argc)
		return cli_usage_error("tune", "unexpected argument: %s", argv[optind]);
	if (options.restore && (scan_time != OCFG_KSM_UNSET || cpu != OCFG_KSM_UNSET))
		return cli_usage_error("tune", "--restore goes with --dry-run only");
	cli_settings(&settings);
	options.ksm = settings.ksm.ksm;
	if (scan_time != OCFG_KSM_UNSET)
		options.ksm.scan_time = scan_time;
	if (cpu != OCFG_KSM_UNSET)
		options.ksm.cpu = cpu;
	/* What is said now has precedence over a fixed speed in the settings. */
	if (scan_time != OCFG_KSM_UNSET || cpu != OCFG_KSM_UNSET)
		options.ksm.pages_to_scan = options.ksm.sleep_millisecs = OCFG_KSM_UNSET;
	status = tune(&settings, &options);
	ocfg_settings_done(&settings);
	return status;
}
