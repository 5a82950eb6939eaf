/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes belong to which container: by the names of cgroups. */
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
	pid_t hint; /* where that is not known: a process that may be in it, if its cgroup says so; or 0 */
	const char *folder;  /* of its cgroup, if that is known; borrowed, may be NULL */
	bool has_no_cgroup;  /* of its own: it is that process, and what descends from it */
	bool is_one_process; /* it is that process alone */
	pid_t *pids;	     /* found: its processes, owned, cgroup_containers_done frees */
	size_t count;
};

/*
 * Fills in pids and count. A process belongs to the container whose ID is a component of its cgroup's path, as it stands
 * or in one of the forms that engines make of it ("crun-ID.scope", "libpod-ID", "cri-containerd-ID.scope", ...); of
 * nested ones the outermost. A container that is found by no name (no cgroup of its own, or `oci-ksm run`) is its first
 * process and the descendants of that. `containers` is sorted by ID on return. Where the first process is known and
 * cgroups can be seen, only these are read; otherwise it is one pass over all of /proc.
 */
int cgroup_containers_find(struct cgroup_container *containers, size_t count, struct error *err);
void cgroup_containers_done(struct cgroup_container *containers, size_t count);

/*
 * The container, of those sorted by ID, that /proc/PID/cgroup with this text names, as index, or -1.
 */
ssize_t cgroup_match(const char *text, const struct cgroup_container *sorted, size_t count);

/* A container's own cgroup: "cpu,cpuacct", "name=systemd" or, in v2, "", and the path below that hierarchy. */
struct cgroup_place {
	char controllers[256];
	char path[4096];
};
/* The same for the first such line from *text on, which is moved behind it; with the place, or -1. */
ssize_t cgroup_match_next(const char **text, const struct cgroup_container *sorted, size_t count,
			  struct cgroup_place *ret);

/*
 * The ID in the first cgroup of that text whose name is one that only engines give ("libpod-ID", "cri-containerd-ID.scope",
 * an ID of 64 digits), outermost first. Containers whose cgroup is called as they are, without more, are not found.
 */
bool cgroup_engine_id(const char *text, char *buf, size_t size);

/*
 * Is it the text of a process in a cgroup of that name, as it stands or in one of these forms, or below? Names that containers of engines give to
 * cgroups of theirs do not count.
 */
bool cgroup_is_named(const char *text, const char *name);

/* Is it the text of a process in that cgroup or below? `folder` as in such texts, or as a path below /sys/fs/cgroup. */
bool cgroup_is_in(const char *text, const char *folder);

#endif
