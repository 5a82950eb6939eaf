/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes belong to which container: by the names of cgroups, in one pass over /proc for all containers. */
#ifndef HOOK_COMMON_CGROUP_H
#define HOOK_COMMON_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci-config/error.h"

struct cgroup_container {
	const char *id;	     /* borrowed */
	pid_t pid;	     /* its first process, or 0 if not known */
	uint64_t start_time; /* of that */
	pid_t *pids;	     /* found: its processes, owned, cgroup_containers_done frees */
	size_t count;
};

/*
 * Fills in pids and count. A process belongs to the container whose ID is a component of its cgroup's path, as it stands
 * or in one of the forms that engines make of it ("crun-ID.scope", "libpod-ID", "cri-containerd-ID.scope", ...); of
 * nested ones the outermost. A container that is found by no name (no cgroup of its own, or `oci-ksm run`) is its first
 * process and the descendants of that. `containers` is sorted by ID on return.
 */
int cgroup_containers_find(struct cgroup_container *containers, size_t count, struct error *err);
void cgroup_containers_done(struct cgroup_container *containers, size_t count);

/*
 * The container, of those sorted by ID, that /proc/PID/cgroup with this text names, as index, or -1.
 */
ssize_t cgroup_match(const char *text, const struct cgroup_container *sorted, size_t count);

/*
 * The ID in the first cgroup of that text whose name is one that only engines give ("libpod-ID", "cri-containerd-ID.scope",
 * an ID of 64 digits), outermost first. Containers whose cgroup is called as they are, without more, are not found.
 */
bool cgroup_engine_id(const char *text, char *buf, size_t size);

/* Is it the text of a process in that cgroup or below? `folder` as in such texts, or as a path below /sys/fs/cgroup. */
bool cgroup_is_in(const char *text, const char *folder);

#endif
