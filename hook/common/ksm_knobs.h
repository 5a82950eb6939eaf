/* SPDX-License-Identifier: Apache-2.0 */
/* What can be set of the host's KSM: the files of /sys/kernel/mm/ksm that oci-ksm may write, as numbers. */
#ifndef HOOK_COMMON_KSM_KNOBS_H
#define HOOK_COMMON_KSM_KNOBS_H

#include <stdint.h>

#include "hook/common/ksm.h"
#include "oci-config/error.h"

enum ksm_knob {
	KSM_RUN,	  /* 0: off, 1: scan; 2, which takes all merging back, is never written */
	KSM_ADVISOR_MODE, /* KSM_ADVISOR_... (6.8) */
	KSM_ADVISOR_TARGET_SCAN_TIME, /* seconds */
	KSM_ADVISOR_MAX_CPU,	      /* percent of one CPU */
	KSM_PAGES_TO_SCAN, /* the advisor's to set where it is on: writing fails then (EINVAL) */
	KSM_SLEEP_MILLISECS,
	KSM_SMART_SCAN, /* 6.7 */
	KSM_USE_ZERO_PAGES,
	KSM_MAX_PAGE_SHARING,	/* EBUSY while pages are merged */
	KSM_MERGE_ACROSS_NODES, /* EBUSY while pages are merged; with CONFIG_NUMA */
	KSM_KNOBS,
};

enum { KSM_ADVISOR_NONE, KSM_ADVISOR_SCAN_TIME };

/* KSM_UNKNOWN: what this kernel does not have, or what nobody wishes. */
struct ksm_knobs {
	int64_t value[KSM_KNOBS];
};

#define KSM_KNOBS_NONE                                                                        \
	((struct ksm_knobs){{KSM_UNKNOWN, KSM_UNKNOWN, KSM_UNKNOWN, KSM_UNKNOWN, KSM_UNKNOWN, \
			     KSM_UNKNOWN, KSM_UNKNOWN, KSM_UNKNOWN, KSM_UNKNOWN, KSM_UNKNOWN}})

/* The file's name. */
const char *ksm_knob_name(enum ksm_knob knob);
/* A value as the file has it; `buf` holds it if it is a number. */
const char *ksm_knob_text(enum ksm_knob knob, int64_t value, char buf[24]);
/* What the host has now. An advisor that is not known here is KSM_UNKNOWN, and so left alone. */
void ksm_knobs_read(struct ksm_knobs *ret);
/* 0 or -errno: -EBUSY while pages are merged for some of them. */
int ksm_knob_write(enum ksm_knob knob, int64_t value, struct error *err);

#endif
