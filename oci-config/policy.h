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

/* In the reason of each decision that takes it. */
#define OCFG_POLICY_LAYOUT                                                                     \
	"oci-ksm/layout=shared: its programs run without address space randomization (ASLR), " \
	"which makes faults in them easier to exploit"

/* What is known of how the container's program is linked. */
enum ocfg_program {
	OCFG_PROGRAM_UNKNOWN,
	OCFG_PROGRAM_STATIC, /* loads no library: no shim reaches it. A script of a static interpreter, too */
	OCFG_PROGRAM_DYNAMIC,
	OCFG_PROGRAM_SCRIPT, /* of a dynamic interpreter, which may start whatever it likes */
};

/* What the caller found out. All false is a host that can do nothing. */
struct ocfg_features {
	bool ksm;     /* /sys/kernel/mm/ksm is there (CONFIG_KSM) */
	bool preload; /* the shim is installed and can be placed in this container */
	bool notify;  /* oci-ksmd serves, and this container can be made to notify it */
	bool process; /* what a process with PR_SET_MEMORY_MERGE starts merges, and its VMAs do */
	enum ocfg_program program;
	/* Why not, as part of a sentence. NULL: in general words. */
	const char *no_preload, *no_notify, *no_process;
	const char *no_layout; /* why copies cannot have the same address layout; NULL: they can */
};

struct ocfg_decision {
	unsigned modes; /* 0: nothing will be done */
	bool as_wished; /* false: something asked for cannot be had; required=true then fails */
	bool layout_shared; /* without ASLR: only where something merges, else it would be for nothing */
	char reason[512]; /* one sentence for the log, status and --json */
};

/*
 * What is named is taken, if it can be had; where nothing of it can, preload takes its place (with "auto" beside it notify, too).
 * "auto" alone is the cheapest way that reaches the program and what it starts: process where it can be had and no min-size is
 * asked for; else preload for dynamic programs, and notify for static ones and those of which nothing is known.
 */
void ocfg_policy_choose(const struct ocfg_features *features, const struct ocfg_wishes *wishes,
			struct ocfg_decision *ret);
/*
 * Would the decision depend on features.process, features.program, features.notify? To be asked in this order, when what comes
 * before is known, because finding out takes time.
 */
bool ocfg_policy_needs_process(const struct ocfg_features *features,
			       const struct ocfg_wishes *wishes);
bool ocfg_policy_needs_program(const struct ocfg_features *features,
			       const struct ocfg_wishes *wishes);
bool ocfg_policy_needs_notify(const struct ocfg_features *features,
			      const struct ocfg_wishes *wishes);

#endif
