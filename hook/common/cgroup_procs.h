/* SPDX-License-Identifier: Apache-2.0 */
/* The processes in a cgroup, as the cgroup itself tells. */
#ifndef HOOK_COMMON_CGROUP_PROCS_H
#define HOOK_COMMON_CGROUP_PROCS_H

#include <stddef.h>
#include <sys/types.h>

#include "oci-config/error.h"

/*
 * Appends the processes of the cgroup with that folder, and of those below it, to *pids, which is owned by the caller and
 * grown as needed. What goes meanwhile is left out. -ENOENT (or another errno) if the folder cannot be opened, -ENOMEM.
 */
int cgroup_procs_add(const char *folder, pid_t **pids, size_t *count, struct error *err);

/* One pid to such a list. 0 or -ENOMEM. */
int cgroup_pids_add(pid_t **pids, size_t *count, pid_t pid);

#endif
