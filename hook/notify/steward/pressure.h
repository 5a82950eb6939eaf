/* SPDX-License-Identifier: Apache-2.0 */
/* Whether memory is short enough for ksmd to scan. */
#ifndef HOOK_NOTIFY_STEWARD_PRESSURE_H
#define HOOK_NOTIFY_STEWARD_PRESSURE_H

#include <stdbool.h>
#include <stdint.h>

#include "oci-config/settings_ksm.h"

#define PRESSURE_STEP 2000 /* ms: how often to look */
/* It rests again when so many points more are available than the setting says, and waiting has halved; */
#define PRESSURE_MARGIN 5
/* but not before two whole scans, or this time: ms. */
#define PRESSURE_LONGEST 600000

struct pressure_sample {
	int64_t now;	    /* ms */
	int64_t full_scans; /* how often ksmd has been through all memory */
	double available;   /* percent of memory; negative: not known */
	double stall; /* percent of the last 10 s; negative: not known, the kernel has no PSI */
};

/* Zeroed: memory is not short. */
struct pressure {
	bool scan;
	int64_t since, goal;
};

/* MemAvailable, and avg10 of "some". */
void pressure_read(struct pressure_sample *ret);
/* Decides whether ksmd scans from now on. */
void pressure_step(struct pressure *pressure, const struct ocfg_pressure *settings,
		   const struct pressure_sample *sample);

#endif
