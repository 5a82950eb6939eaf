/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's KSM as oci-ksm changes it: the only place that writes /sys/kernel/mm/ksm. What it was before the first change is kept
 * in tune.json in the folder of state, until the last wish is gone and the old values are back.
 */
#ifndef HOOK_COMMON_KSM_TUNING_H
#define HOOK_COMMON_KSM_TUNING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "hook/common/ksm_wishes.h"

/* tune.json. Of another boot it counts as not there: a boot has put everything back. */
struct ksm_tuning {
	struct ksm_held held[KSM_KNOBS];
	struct ksm_wishes wishes;
	pid_t steward; /* whose boost and pressure are; they end with it. 0: none */
	uint64_t steward_start;
};

/* dir: the folder of state. 0, also where there is none; -errno, where it cannot be read: then nothing may be written. */
int ksm_tuning_load(int dir, struct ksm_tuning *ret, struct error *err);
/* Removes the file where nothing is held or wished. */
int ksm_tuning_save(int dir, const struct ksm_tuning *tuning, struct error *err);

/* What became of a plan: error[i].code is set where step[i] failed. */
struct ksm_outcome {
	struct ksm_plan plan;
	struct error error[KSM_KNOBS];
};

/*
 * Each replaces one party's wishes, and does what follows. The outcome says step by step what was done; a step that fails does not
 * keep others from being done. -errno: nothing was done. Not thread-safe, but any number of processes may call these.
 */
/* `oci-ksm tune`; KSM_KNOBS_NONE restores. dry: only says what would be done. */
int ksm_tuning_tune(int dir, const struct ksm_knobs *wish, bool dry, struct ksm_outcome *ret,
		    struct error *err);
/* oci-ksmd's steward: boost and pressure of `wishes`; those of KSM_WISHES_NONE end what an earlier one left. */
int ksm_tuning_steward(int dir, const struct ksm_wishes *wishes, struct ksm_outcome *ret,
		       struct error *err);

/* One sentence for step `i`: "run: 0 -> 1", or why it is not so. */
const char *ksm_outcome_text(const struct ksm_outcome *outcome, unsigned i, char *buf, size_t size);

#endif
