/* SPDX-License-Identifier: Apache-2.0 */
/* What `doctor` asks of ksmd: whether it scans, how fast, and what its settings do. docs/tuning.md has the measurements. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hook/cli/host.h"
#include "hook/cli/probes.h"
#include "hook/common/ksm_knobs.h"
#include "hook/common/ksm_tuning.h"
#include "hook/common/paths.h"
#include "oci-config/cleanup.h"

/* Below this a host of 16 GiB takes more than five minutes for one scan. The kernel's default is 20 MiB/s. */
#define SLOW_MIB_PER_SECOND 50.0
/* A scan that takes longer is slow whatever the speed: seconds. */
#define SLOW_SCAN 300.0
/* One copy in so many is kept besides the first. */
#define FEW_SHARERS 32

/* Has oci-ksmd stopped it because memory is not short? */
static bool rests(const struct probe_context *context)
{
	cleanup_close int dir = paths_state_dir(&context->settings, "", NULL);
	struct ksm_tuning tuning;

	return dir >= 0 && ksm_tuning_load(dir, &tuning, NULL) == 0 && tuning.steward &&
	       tuning.wishes.pressure == KSM_PRESSURE_REST;
}

static enum verdict check_running(const struct probe_context *context, char *detail)
{
	int64_t run = ksm_sys_get("run");

	if (run == KSM_UNKNOWN)
		return probe_say(PROBE_FAIL, detail, "there is no " KSM_SYS_DIR "/run");
	if (run == 0 && rests(context))
		return probe_say(PROBE_OK, detail,
				 "run is 0: memory is not short, so oci-ksmd lets it rest "
				 "(\"pressure\" in the settings)");
	return probe_say(run == 1 ? PROBE_OK : PROBE_FAIL, detail, "run is %" PRId64 "%s", run,
			 run == 2 ? ", which takes all merging back" : "");
}

/* MiB that ksmd goes through in a scan. */
static double tracked(void)
{
	int64_t pages = host_ksm_tracked();

	return pages == KSM_UNKNOWN ? 0 : (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

static enum verdict check_speed(const struct probe_context *context, char *detail)
{
	struct ksm_knobs now;
	int64_t pages, sleep;
	double speed, seconds;

	(void)context;
	ksm_knobs_read(&now);
	pages = now.value[KSM_PAGES_TO_SCAN];
	sleep = now.value[KSM_SLEEP_MILLISECS];
	if (pages == KSM_UNKNOWN || sleep == KSM_UNKNOWN)
		return PROBE_SKIP;
	if (now.value[KSM_ADVISOR_MODE] == KSM_ADVISOR_SCAN_TIME)
		return probe_say(PROBE_OK, detail,
				 "the kernel's advisor sets it, for a scan in %" PRId64 " s",
				 now.value[KSM_ADVISOR_TARGET_SCAN_TIME]);
	if (sleep == 0)
		return probe_say(PROBE_OK, detail, "without pause");
	speed = (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576 * 1000 / (double)sleep;
	seconds = tracked() / speed;
	return probe_say(speed < SLOW_MIB_PER_SECOND || seconds > SLOW_SCAN ? PROBE_WARN : PROBE_OK,
			 detail,
			 "at most %.0f MiB/s (%" PRId64 " pages every %" PRId64
			 " ms): a scan of the %.0f MiB that it has now takes %.0f s, and pages "
			 "merge at their second one",
			 speed, pages, sleep, tracked(), seconds);
}

static enum verdict check_smart_scan(const struct probe_context *context, char *detail)
{
	int64_t smart = ksm_sys_get("smart_scan");

	(void)context;
	if (smart == KSM_UNKNOWN)
		return PROBE_SKIP;
	if (smart == 0)
		return probe_say(PROBE_OK, detail, "yes, smart_scan is 0");
	return probe_say(PROBE_WARN, detail,
			 "no, smart_scan leaves out those that had no equal: equal pages of "
			 "programs that started at different times may never merge");
}

static enum verdict check_huge_pages(const struct probe_context *context, char *detail)
{
	cleanup_close int fd =
		open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC);
	char text[64] = "";

	(void)context;
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || !strstr(text, "[always]"))
		return PROBE_SKIP;
	return probe_say(PROBE_WARN, detail,
			 "all programs have them: ksmd splits those in which it merges, so that "
			 "these programs lose them, and khugepaged makes some of them again, which "
			 "takes merged pages apart until the next scans");
}

static enum verdict check_zero_pages(const struct probe_context *context, char *detail)
{
	int64_t zero = ksm_sys_get("use_zero_pages");

	(void)context;
	if (zero == KSM_UNKNOWN)
		return PROBE_SKIP;
	return probe_say(PROBE_OK, detail, "%s",
			 zero ? "by the kernel's zero page; they do not count as shared "
				"(use_zero_pages is 1)"
			      : "with each other, as all pages are (use_zero_pages is 0)");
}

static enum verdict check_sharing(const struct probe_context *context, char *detail)
{
	int64_t most = ksm_sys_get("max_page_sharing");

	(void)context;
	if (most == KSM_UNKNOWN)
		return PROBE_SKIP;
	return probe_say(most < FEW_SHARERS ? PROBE_WARN : PROBE_OK, detail,
			 "at most %" PRId64 " times, then another copy is kept", most);
}

static enum verdict check_swap(const struct probe_context *context, char *detail)
{
	cleanup_close int fd = open("/proc/swaps", O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *second;

	(void)context;
	if (len <= 0)
		return PROBE_SKIP;
	text[len] = '\0';
	second = strchr(text, '\n');
	if (!second || !second[1])
		return PROBE_SKIP;
	return probe_say(PROBE_OK, detail,
			 "merged pages, too; those that come back are separate until ksmd has "
			 "merged them again");
}

const struct doctor_probe probes_ksmd[] = {
	{"running", "Does ksmd scan?", check_running,
	 "`oci-ksm tune`, or without more `echo 1 > " KSM_SYS_DIR "/run`"},
	{"speed", "Does it scan fast enough?", check_speed, "`oci-ksm tune`"},
	{"smart_scan", "Does it look at all pages in each scan?", check_smart_scan,
	 "`echo 0 > " KSM_SYS_DIR "/smart_scan`, as `oci-ksm tune` does"},
	{"huge_pages", "Do huge pages stand in the way?", check_huge_pages,
	 "`echo madvise > /sys/kernel/mm/transparent_hugepage/enabled`"},
	{"zero_pages", "How are empty pages merged?", check_zero_pages, ""},
	{"sharing", "How often is a page shared?", check_sharing,
	 "`echo 256 > " KSM_SYS_DIR "/max_page_sharing`, which only works while nothing is merged"},
	{"swap", "What can be swapped out?", check_swap, ""},
};
const size_t probes_ksmd_count = sizeof(probes_ksmd) / sizeof(probes_ksmd[0]);
