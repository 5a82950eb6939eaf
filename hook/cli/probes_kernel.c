/* SPDX-License-Identifier: Apache-2.0 */
/* What `doctor` asks of the kernel. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hook/cli/probes.h"
#include "hook/common/ksm.h"
#include "oci-config/cleanup.h"

/* Below this a host of 16 GiB takes more than five minutes for one scan. The kernel's default is 20 MiB/s. */
#define SLOW_MIB_PER_SECOND 50.0

enum verdict probe_say(enum verdict verdict, char detail[PROBE_DETAIL], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, PROBE_DETAIL, fmt, ap);
	va_end(ap);
	return verdict;
}

void probe_advise(const struct probe_context *context, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(context->advice, PROBE_DETAIL, fmt, ap);
	va_end(ap);
}

static enum verdict check_ksm(const struct probe_context *context, char *detail)
{
	(void)context;
	if (!ksm_is_present())
		return probe_say(PROBE_FAIL, detail, "there is no " KSM_SYS_DIR);
	return probe_say(PROBE_OK, detail, KSM_SYS_DIR " is there");
}

static enum verdict check_running(const struct probe_context *context, char *detail)
{
	int64_t run = ksm_sys_get("run");

	(void)context;
	if (run == KSM_UNKNOWN)
		return probe_say(PROBE_FAIL, detail, "there is no " KSM_SYS_DIR "/run");
	return probe_say(run == 1 ? PROBE_OK : PROBE_FAIL, detail, "run is %" PRId64 "%s", run,
			 run == 2 ? ", which takes all merging back" : "");
}

/* Since Linux 6.8 it sets the speed itself, if it is told to. */
static bool has_advisor(bool *ret_on)
{
	cleanup_close int fd = open(KSM_SYS_DIR "/advisor_mode", O_RDONLY | O_CLOEXEC);
	char text[64] = "";
	bool there = fd >= 0 && read(fd, text, sizeof(text) - 1) > 0;

	*ret_on = there && !strstr(text, "[none]");
	return there;
}

static enum verdict check_speed(const struct probe_context *context, char *detail)
{
	int64_t pages = ksm_sys_get("pages_to_scan"), sleep = ksm_sys_get("sleep_millisecs");
	bool on, advisor = has_advisor(&on);
	double speed;

	if (pages == KSM_UNKNOWN || sleep == KSM_UNKNOWN)
		return PROBE_SKIP;
	if (advisor)
		probe_advise(context, "`echo scan-time > " KSM_SYS_DIR "/advisor_mode`");
	if (on)
		return probe_say(PROBE_OK, detail, "the kernel's advisor sets it");
	if (sleep == 0)
		return probe_say(PROBE_OK, detail, "without pause");
	speed = (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576 * 1000 / (double)sleep;
	return probe_say(speed < SLOW_MIB_PER_SECOND ? PROBE_WARN : PROBE_OK, detail,
			 "at most %.0f MiB/s (%" PRId64 " pages every %" PRId64 " ms)", speed,
			 pages, sleep);
}

static enum verdict check_huge_pages(const struct probe_context *context, char *detail)
{
	cleanup_close int fd =
		open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC);
	char text[64] = "";

	(void)context;
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || !strstr(text, "[always]"))
		return PROBE_SKIP;
	return probe_say(PROBE_WARN, detail, "transparent huge pages are on for all programs");
}

static enum verdict check_figures(const struct probe_context *context, char *detail)
{
	struct ksm_process self;
	struct error err = {0};

	(void)context;
	if (ksm_process_read(getpid(), &self, &err) < 0)
		return probe_say(PROBE_WARN, detail, "%s", err.msg);
	if (self.merging_pages == KSM_UNKNOWN)
		return probe_say(PROBE_WARN, detail, "none (before Linux 5.19)");
	if (self.profit == KSM_UNKNOWN)
		return probe_say(PROBE_WARN, detail,
				 "merged pages, but not the profit (before Linux 6.6)");
	return probe_say(PROBE_OK, detail, "/proc/PID/ksm_stat has merged pages and profit");
}

const struct doctor_probe probes_kernel[] = {
	{"ksm", "Does this kernel have KSM?", check_ksm, "Boot a kernel with CONFIG_KSM=y."},
	{"running", "Does ksmd scan?", check_running, "`echo 1 > " KSM_SYS_DIR "/run`"},
	{"speed", "Does it scan fast enough?", check_speed,
	 "`echo 1000 > " KSM_SYS_DIR "/pages_to_scan`"},
	{"huge_pages", "Do huge pages stand in the way?", check_huge_pages,
	 "`echo madvise > /sys/kernel/mm/transparent_hugepage/enabled`: ksmd has to split a huge "
	 "page before it can merge its parts"},
	{"figures", "Does the kernel tell what merging saves?", check_figures,
	 "Nothing to repair: what the kernel does not tell is shown as unknown."},
};
const size_t probes_kernel_count = sizeof(probes_kernel) / sizeof(probes_kernel[0]);
