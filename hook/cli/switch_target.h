/* SPDX-License-Identifier: Apache-2.0 */
/* A target of enable and disable: whom that means from outside, and under which ID it is remembered. */
#ifndef HOOK_CLI_SWITCH_TARGET_H
#define HOOK_CLI_SWITCH_TARGET_H

#include <limits.h>

#include "hook/cli/targets.h"
#include "hook/common/switched.h"
#include "hook/mark/mark.h"
#include "oci-config/state.h"

struct switch_target {
	const char *name; /* borrowed from the target */
	char id[OCFG_ID_MAX + 1];
	char cgroup[PATH_MAX]; /* "": it has none of its own */
	uint64_t cgroup_inode;
	pid_t pid; /* the oldest process */
	uint64_t start_time;
	bool alone; /* that process only */
};

/* -ESRCH: all its processes have ended. -EINVAL: it is the whole machine. */
int switch_target_init(const struct target *target, struct switch_target *ret, struct error *err);
/* For mark_container. Borrows. */
struct mark_target switch_target_mark(const struct switch_target *target);

#endif
