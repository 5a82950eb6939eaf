/* SPDX-License-Identifier: Apache-2.0 */
/* KSM of the whole host, at one look. */
#include "hook/cli/host.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "oci-config/cleanup.h"
#include "oci-config/file.h"

/* The kernel itself counts those that are neither merged nor without an equal as volatile, so these are all. */
int64_t host_ksm_tracked(void)
{
	static const char *const files[] = {"pages_shared", "pages_sharing", "pages_unshared",
					    "pages_volatile"};
	int64_t sum = 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int64_t pages = ksm_sys_get(files[i]);

		if (pages == KSM_UNKNOWN)
			return KSM_UNKNOWN;
		sum += pages;
	}
	return sum;
}

/* "none [scan-time]": the word in brackets. */
static void read_advisor(char *buf, size_t size)
{
	cleanup_close int fd = open(KSM_SYS_DIR "/advisor_mode", O_RDONLY | O_CLOEXEC);
	const char *start, *end;
	char text[256];
	ssize_t len = fd < 0 ? -1 : ocfg_file_read_full(fd, text, sizeof(text) - 1);

	*buf = '\0';
	if (len <= 0)
		return;
	text[len] = '\0';
	start = strchr(text, '[');
	end = start ? strchr(start, ']') : NULL;
	if (end)
		snprintf(buf, size, "%.*s", (int)(end - start - 1), start + 1);
}

void host_ksm_read(struct host_ksm *ret)
{
	*ret = (struct host_ksm){
		.run = ksm_sys_get("run"),
		.pages_to_scan = ksm_sys_get("pages_to_scan"),
		.sleep_millisecs = ksm_sys_get("sleep_millisecs"),
		.full_scans = ksm_sys_get("full_scans"),
		.shared = ksm_sys_get("pages_shared"),
		.sharing = ksm_sys_get("pages_sharing"),
		.zero = ksm_sys_get("ksm_zero_pages"),
		.tracked = host_ksm_tracked(),
		.profit = ksm_sys_get("general_profit"),
		.cpu_seconds = ksm_cpu_seconds(),
	};
	read_advisor(ret->advisor, sizeof(ret->advisor));
}
