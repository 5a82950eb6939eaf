/* SPDX-License-Identifier: Apache-2.0 */
/* What can be set of the host's KSM: the files of /sys/kernel/mm/ksm that oci-ksm may write, as numbers. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hook/common/ksm_knobs.h"
#include "oci-config/cleanup.h"

static const char *const names[KSM_KNOBS] = {
	[KSM_RUN] = "run",
	[KSM_ADVISOR_MODE] = "advisor_mode",
	[KSM_ADVISOR_TARGET_SCAN_TIME] = "advisor_target_scan_time",
	[KSM_ADVISOR_MAX_CPU] = "advisor_max_cpu",
	[KSM_PAGES_TO_SCAN] = "pages_to_scan",
	[KSM_SLEEP_MILLISECS] = "sleep_millisecs",
	[KSM_SMART_SCAN] = "smart_scan",
	[KSM_USE_ZERO_PAGES] = "use_zero_pages",
	[KSM_MAX_PAGE_SHARING] = "max_page_sharing",
	[KSM_MERGE_ACROSS_NODES] = "merge_across_nodes",
};

static const char *const advisors[] = {
	[KSM_ADVISOR_NONE] = "none",
	[KSM_ADVISOR_SCAN_TIME] = "scan-time",
};

const char *ksm_knob_name(enum ksm_knob knob)
{
	return names[knob];
}

const char *ksm_knob_text(enum ksm_knob knob, int64_t value, char buf[24])
{
	if (value == KSM_UNKNOWN)
		return "?";
	if (knob == KSM_ADVISOR_MODE)
		return advisors[value == KSM_ADVISOR_SCAN_TIME];
	snprintf(buf, 24, "%" PRId64, value);
	return buf;
}

/* "none [scan-time]": what stands between brackets. */
static int64_t read_advisor(void)
{
	cleanup_close int fd = open(KSM_SYS_DIR "/advisor_mode", O_RDONLY | O_CLOEXEC);
	char text[128] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return KSM_UNKNOWN;
	for (int64_t i = 0; i < (int64_t)(sizeof(advisors) / sizeof(advisors[0])); i++) {
		char word[32];

		snprintf(word, sizeof(word), "[%s]", advisors[i]);
		if (strstr(text, word))
			return i;
	}
	return KSM_UNKNOWN;
}

void ksm_knobs_read(struct ksm_knobs *ret)
{
	for (enum ksm_knob knob = 0; knob < KSM_KNOBS; knob++)
		ret->value[knob] =
			knob == KSM_ADVISOR_MODE ? read_advisor() : ksm_sys_get(names[knob]);
}

int ksm_knob_write(enum ksm_knob knob, int64_t value, struct error *err)
{
	cleanup_close int fd = -1;
	char path[128], buf[24];
	const char *text = ksm_knob_text(knob, value, buf);

	snprintf(path, sizeof(path), KSM_SYS_DIR "/%s", names[knob]);
	if (value == KSM_UNKNOWN || (knob == KSM_RUN && value == 2))
		return error_set(err, EINVAL, "%s must not be written to %s", text, path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "open %s", path);
	if (write(fd, text, strlen(text)) < 0)
		return error_set(err, errno, "write %s to %s", text, path);
	return 0;
}
