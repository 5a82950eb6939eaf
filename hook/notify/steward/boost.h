/* SPDX-License-Identifier: Apache-2.0 */
/* How long and how fast ksmd scans after containers have started. Reads and writes nothing: ksmd.c does. */
#ifndef HOOK_NOTIFY_STEWARD_BOOST_H
#define HOOK_NOTIFY_STEWARD_BOOST_H

#include <stdbool.h>
#include <stdint.h>

#include "oci-config/settings_ksm.h"

/* ms: the shortest boost, as programs need time to fill their memory; and how often boost_step wants to be called. */
#define BOOST_SHORTEST 8000
#define BOOST_STEP     1000
/* The longest, in times of the setting `seconds`, when containers start all the time; then it pauses for `seconds`. */
#define BOOST_TIMES 4

/* What the kernel tells at this moment. */
struct boost_sample {
	int64_t now;	    /* ms */
	int64_t full_scans; /* how often ksmd has been through all memory */
	int64_t tracked;    /* pages that it has in its books */
	double cpu;	    /* seconds that it has used; negative: not known */
};

/* Zeroed: no boost. */
struct boost {
	int64_t pages;	       /* a batch; 0: no boost */
	int64_t begun, last;   /* ms: of this boost, and of the last container's start */
	int64_t goal, tracked; /* the full_scans at which it ends, while tracked does not grow */
	int64_t pause_until;
	int64_t cpu_at; /* ms: of the last sample, whose seconds were: */
	double cpu;
};

/* A container has started: a boost begins, or goes on for longer. */
void boost_begin(struct boost *boost, const struct ocfg_boost *settings,
		 const struct boost_sample *sample);
/* After BOOST_STEP: adapts `pages` to the CPU that ksmd takes, or ends the boost. */
void boost_step(struct boost *boost, const struct ocfg_boost *settings,
		const struct boost_sample *sample);

#endif
