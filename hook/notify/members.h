/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes belong to a container: those of its cgroup, or the descendants of its first process. */
#ifndef HOOK_NOTIFY_MEMBERS_H
#define HOOK_NOTIFY_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hook/notify/container.h"

#define MEMBERS_MAX CONTAINER_PROCESSES

/* Calls `each` for every process, some perhaps twice, until it returns false. */
void members_list(struct container *container, bool (*each)(pid_t pid, void *data), void *data);
/* Has every process looked at. */
void members_note(struct container *container, uint64_t now);
/*
 * Finds or adds the process with this number; NULL: it is gone, there is no room, or it is in the same cgroup
 * without the container's filter (a shell of the user who started it, ...). *ret_dir: its folder, to be closed.
 */
struct tracked *members_track(struct container *container, pid_t pid, int *ret_dir);
/*
 * Has the container used the CPU since the last call (or is it the first one)? True where that is not known.
 */
bool members_were_active(struct container *container);

#endif
