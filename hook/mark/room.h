/* SPDX-License-Identifier: Apache-2.0 */
/* Is there room for pages that are to be separate again? */
#ifndef HOOK_MARK_ROOM_H
#define HOOK_MARK_ROOM_H

#include <stdint.h>
#include <sys/types.h>

#include "oci-config/error.h"

/*
 * Can this process get so many bytes more: within the limits of its cgroup and of all above it, and of what the host has
 * available? Something is left to others. -ENOMEM: no, err says which limit, what is used, what to do.
 */
int room_check(pid_t pid, uint64_t bytes, struct error *err);
/* One folder of a cgroup, of v1 or v2; 0 also if it has no limit. */
int room_in_cgroup(const char *folder, uint64_t bytes, struct error *err);
/* The host, from the text of /proc/meminfo. */
int room_in_host(const char *meminfo, uint64_t bytes, struct error *err);

#endif
