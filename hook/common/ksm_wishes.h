/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who wishes what of the host's KSM, what that makes together, and what is to be written for it. Nothing here reads or writes:
 * ksm_tuning.h does. This is the only place that decides about the host's KSM.
 */
#ifndef HOOK_COMMON_KSM_WISHES_H
#define HOOK_COMMON_KSM_WISHES_H

#include <stdbool.h>
#include <stdint.h>

#include "hook/common/ksm_knobs.h"
#include "oci-config/settings_ksm.h"

/* How long ksmd sleeps between two batches of a boost, in ms. */
#define KSM_BOOST_SLEEP 20

struct ksm_wishes {
	struct ksm_knobs tune; /* of `oci-ksm tune`; KSM_UNKNOWN: none */
	int64_t boost;	       /* pages a batch while containers start; 0: no boost */
	enum { KSM_PRESSURE_NONE, KSM_PRESSURE_REST, KSM_PRESSURE_SCAN } pressure;
};

#define KSM_WISHES_NONE ((struct ksm_wishes){.tune = KSM_KNOBS_NONE})

/*
 * What the knobs have to be, KSM_UNKNOWN where nobody wishes anything. `before`: what they would be without us. The order of
 * precedence: pressure says whether ksmd scans at all, boost how fast while it lasts, tune the rest. A boost does not
 * start ksmd where it does not scan, and never makes it slower. What pressure says does not touch run 2.
 */
void ksm_wishes_decide(const struct ksm_knobs *before, const struct ksm_wishes *wishes,
		       struct ksm_knobs *ret);

/* What we have done to a knob, kept from our first change until the old value is back. */
struct ksm_held {
	bool held;
	int64_t before; /* what it was before our first change */
	int64_t wrote;	/* what we have written; KSM_UNKNOWN: the advisor writes it */
	int64_t was;	/* what it was before that: this, if we were killed before the writing */
	bool refused;	/* somebody else has changed it, which has been told */
};

enum ksm_step_kind {
	KSM_STEP_WRITE,
	KSM_STEP_RESTORE, /* writes the value of before */
	KSM_STEP_FORGET,  /* the value of before is there: nothing to write */
	KSM_STEP_LEAVE,	  /* somebody else has changed it: left as it is, and no longer ours */
	KSM_STEP_REFUSE,  /* the same, while a wish lasts: left as it is until that ends */
};

struct ksm_step {
	enum ksm_knob knob;
	enum ksm_step_kind kind;
	int64_t from, to; /* to: what is or would have been written */
};

struct ksm_plan {
	struct ksm_step step[KSM_KNOBS]; /* in the order in which they are to be done */
	unsigned count;
};

/*
 * The steps from `now` to what the wishes make, and marks in `held` what will be ours (before, wrote and was; the caller takes back
 * what fails). `asked`: by a person, who may change what somebody else has changed meanwhile.
 */
void ksm_wishes_plan(const struct ksm_wishes *wishes, const struct ksm_knobs *now, bool asked,
		     struct ksm_held held[KSM_KNOBS], struct ksm_plan *ret);

/*
 * What `oci-ksm tune` wishes: the settings, and where they say nothing: run, and the scan-time advisor or, where `now` has none, a
 * speed with which `memory` bytes are gone through in the same time within the same share of a CPU.
 */
void ksm_wishes_tune(const struct ocfg_ksm *settings, const struct ksm_knobs *now, int64_t memory,
		     struct ksm_knobs *ret);

/* Defaults of tune: seconds for a scan, percent of one CPU. */
#define KSM_TUNE_SCAN_TIME 60
#define KSM_TUNE_CPU	   30

#endif
