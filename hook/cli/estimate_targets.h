/* SPDX-License-Identifier: Apache-2.0 */
/* What estimate is asked about: containers of any engine, cgroups, processes. */
#ifndef HOOK_CLI_ESTIMATE_TARGETS_H
#define HOOK_CLI_ESTIMATE_TARGETS_H

#include <stddef.h>
#include <sys/types.h>

#include "oci-config/error.h"

struct target {
	char *name; /* the whole ID, or what was asked for */
	pid_t *pids;
	size_t count;
};

/*
 * One target an argument: the ID of a container (of a record of ours, or as engines name cgroups), or its beginning where only
 * one has it; a pid; the path of a cgroup. -ESRCH or -EINVAL says which one names nothing, or too much. targets_free frees.
 */
int targets_find(char *const *args, size_t count, struct target **ret, size_t *ret_count,
		 struct error *err);
/* All containers and runs that have records, and all that engines' cgroups show. */
int targets_all(struct target **ret, size_t *ret_count, struct error *err);
void targets_free(struct target *targets, size_t count);

#endif
