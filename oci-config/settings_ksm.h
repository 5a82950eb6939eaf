/* SPDX-License-Identifier: Apache-2.0 */
/* The blocks of the settings that are about the host's KSM: "ksm", "boost" and "pressure". */
#ifndef OCI_CONFIG_SETTINGS_KSM_H
#define OCI_CONFIG_SETTINGS_KSM_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "oci-config/error.h"

#define OCFG_KSM_UNSET (-1)

/* "ksm": what `oci-ksm tune` writes. OCFG_KSM_UNSET: not said. Yes and no are 1 and 0. */
struct ocfg_ksm {
	int64_t scan_time; /* seconds in which ksmd should be through all memory once */
	int64_t cpu;	   /* what it may take of one CPU for that, in percent */
	/* As they are, with the kernel's own names. The first two take the place of the above. */
	int64_t pages_to_scan, sleep_millisecs;
	int64_t smart_scan, use_zero_pages, max_page_sharing, merge_across_nodes;
};

/* "boost": faster scanning for a while after a container has started. true: with the defaults. */
struct ocfg_boost {
	bool on;
	int64_t cpu;	 /* what ksmd may take of one CPU meanwhile, in percent; 50 */
	int64_t seconds; /* the longest after a start; 60 */
};

/* "pressure": scanning only while memory is short. On if one of the two is given; 0: that one does not matter. */
struct ocfg_pressure {
	bool on;
	int64_t available; /* scan while less than this percentage of memory is available */
	int64_t stall; /* or while programs wait for memory this percentage of time (PSI, some avg10) */
};

struct ocfg_ksm_settings {
	struct ocfg_ksm ksm;
	struct ocfg_boost boost;
	struct ocfg_pressure pressure;
};

void ocfg_ksm_settings_init(struct ocfg_ksm_settings *ret);

/*
 * Readers of settings.c, one a block: 0, or -EINVAL with what is wrong in it. A block in which anything is wrong counts
 * as not there: half of what an administrator wanted may be the opposite of it.
 */
int ocfg_ksm_read(json_object *value, struct ocfg_ksm *ret, struct error *err);
int ocfg_boost_read(json_object *value, struct ocfg_boost *ret, struct error *err);
int ocfg_pressure_read(json_object *value, struct ocfg_pressure *ret, struct error *err);

#endif
