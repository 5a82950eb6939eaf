/* SPDX-License-Identifier: Apache-2.0 */
/* Whether memory is short enough for ksmd to scan. */
#include "hook/notify/steward/pressure.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "hook/common/proc.h"
#include "oci-config/cleanup.h"
#include "oci-config/file.h"

static bool read_text(const char *path, char *buf, size_t size)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : ocfg_file_read_full(fd, buf, size - 1);

	buf[len < 0 ? 0 : len] = '\0';
	return len > 0;
}

void pressure_read(struct pressure_sample *ret)
{
	static const char some[] = "some avg10=";
	char text[8192];
	const char *total, *available;
	int64_t total_kb, available_kb;

	ret->available = ret->stall = -1;
	if (read_text("/proc/meminfo", text, sizeof(text))) {
		total = proc_find(text, "MemTotal");
		available = proc_find(text, "MemAvailable");
		if (total && available && proc_number(total, &total_kb) == 0 &&
		    proc_number(available, &available_kb) == 0 && total_kb > 0)
			ret->available = (double)available_kb * 100 / (double)total_kb;
	}
	if (read_text("/proc/pressure/memory", text, sizeof(text)) &&
	    !strncmp(text, some, strlen(some)))
		ret->stall = strtod(text + strlen(some), NULL);
}

static bool is_short(const struct ocfg_pressure *settings, const struct pressure_sample *sample)
{
	return (settings->available && sample->available >= 0 &&
		sample->available < (double)settings->available) ||
	       (settings->stall && sample->stall >= (double)settings->stall);
}

static bool is_plenty(const struct ocfg_pressure *settings, const struct pressure_sample *sample)
{
	double enough = (double)settings->available + PRESSURE_MARGIN;

	/* Nobody has more than everything. */
	if (settings->available && sample->available < (enough < 99 ? enough : 99))
		return false;
	return !settings->stall || sample->stall <= (double)settings->stall / 2;
}

void pressure_step(struct pressure *pressure, const struct ocfg_pressure *settings,
		   const struct pressure_sample *sample)
{
	if (is_short(settings, sample)) {
		if (!pressure->scan)
			*pressure = (struct pressure){
				.scan = true, .since = sample->now, .goal = sample->full_scans + 3};
		return;
	}
	if (pressure->scan && is_plenty(settings, sample) &&
	    (sample->full_scans >= pressure->goal ||
	     sample->now - pressure->since >= PRESSURE_LONGEST))
		pressure->scan = false;
}
