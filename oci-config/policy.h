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
};

struct ocfg_decision {
	unsigned modes;	  /* 0: nothing will be done */
	bool as_wished;	  /* false: something asked for cannot be had; required=true then fails */
	char reason[256]; /* one sentence for the log, status and --json */
};

void ocfg_policy_choose(const struct ocfg_features *features, const struct ocfg_wishes *wishes,
			struct ocfg_decision *ret);

#endif
