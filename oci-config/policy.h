/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy: wishes + what this host can do -> modes and the reason. Pure: no files, no kernel, no
 * clock.
 */
#ifndef OCI_CONFIG_POLICY_H
#define OCI_CONFIG_POLICY_H

#include <stdbool.h>

#include "oci-config/annotations.h"
#include "oci-config/mode.h"

/* What the caller found out. All false is a host that can do nothing. */
struct ocfg_features {
	bool ksm;     /* /sys/kernel/mm/ksm is there (CONFIG_KSM) */
	bool preload; /* the shim is installed and can be placed in this container */
	bool notify;  /* oci-ksmd serves, and this container can be made to notify it */
	bool process; /* what a process with PR_SET_MEMORY_MERGE starts merges, and its VMAs do */
	/* Why not, as part of a sentence. NULL: in general words. */
	const char *no_preload, *no_notify, *no_process;
};

struct ocfg_decision {
	unsigned modes;	  /* 0: nothing will be done */
	bool as_wished;	  /* false: something asked for cannot be had; required=true then fails */
	char reason[512]; /* one sentence for the log, status and --json */
};

/*
 * What is named is taken, if it can be had; where nothing of it can, preload takes its place. "auto" is
 * preload, or notify where there is no preload.
 */
void ocfg_policy_choose(const struct ocfg_features *features, const struct ocfg_wishes *wishes,
			struct ocfg_decision *ret);
/*
 * Would the decision depend on features.process, or on features.notify (asked when the other features are known)? Finding
 * that out takes time.
 */
bool ocfg_policy_needs_process(const struct ocfg_features *features,
			       const struct ocfg_wishes *wishes);
bool ocfg_policy_needs_notify(const struct ocfg_features *features,
			      const struct ocfg_wishes *wishes);

#endif
