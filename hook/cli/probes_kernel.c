/* SPDX-License-Identifier: Apache-2.0 */
/* What `doctor` asks of the kernel. */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "hook/cli/probes.h"
#include "hook/common/ksm.h"

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
	{"figures", "Does the kernel tell what merging saves?", check_figures,
	 "Nothing to repair: what the kernel does not tell is shown as unknown."},
};
const size_t probes_kernel_count = sizeof(probes_kernel) / sizeof(probes_kernel[0]);
