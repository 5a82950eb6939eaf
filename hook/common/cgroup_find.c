/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes belong to which container: from the containers' cgroups, or in one pass over /proc for all containers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook/common/cgroup.h"
#include "hook/common/cgroup_procs.h"
#include "hook/common/proc.h"
#include "oci-config/cleanup.h"

/* What is known of a container so far. */
enum found {
	IN_CGROUP, /* all its processes */
	INSIDE,	   /* it is part of another one, which has its processes */
	ORPHAN,	   /* no cgroup has its name: its first process, and what descends from that */
	UNKNOWN,   /* whoever has a cgroup with its name */
};

static int compare_containers(const void *a, const void *b)
{
	const struct cgroup_container *left = a, *right = b;

	return strcmp(left->id, right->id);
}

/* Where hierarchies are mounted. A wrong guess is found out: the first process is not there. */
static const char *folder_of(const struct cgroup_place *place, bool hybrid, char *buf, size_t size)
{
	const char *name = place->controllers;

	if (!*name)
		name = hybrid ? "unified" : "";
	else if (strncmp(name, "name=", 5) == 0)
		name += 5;
	snprintf(buf, size, "/sys/fs/cgroup/%s%s", name, place->path);
	return buf;
}

static bool has(const struct cgroup_container *container, pid_t pid)
{
	for (size_t i = 0; i < container->count; i++)
		if (container->pids[i] == pid)
			return true;
	return false;
}

/* 1: found, with that process; 0: not there, -ENOMEM. */
static int collect(struct cgroup_container *container, pid_t pid, const struct cgroup_place *place)
{
	char folder[sizeof(*place) + 64];
	int trees = *place->controllers ? 1 : 2;
	int rc = 0;

	for (int hybrid = 0; hybrid < trees; hybrid++) {
		container->count = 0;
		free(steal_pointer(&container->pids));
		rc = cgroup_procs_add(folder_of(place, hybrid, folder, sizeof(folder)),
				      &container->pids, &container->count, NULL);
		if (rc == -ENOMEM)
			return rc;
		if (rc == 0 && has(container, pid))
			return 1;
	}
	container->count = 0;
	return 0;
}

static bool is_told(const struct cgroup_container *container)
{
	return container->folder || container->is_one_process;
}

/* What was said to be one, not found out by names. */
static int find_as_told(struct cgroup_container *container, enum found *ret)
{
	int rc = 0;

	*ret = IN_CGROUP;
	if (container->folder)
		rc = cgroup_procs_add(container->folder, &container->pids, &container->count, NULL);
	else if (proc_is_running(container->pid, container->start_time))
		rc = cgroup_pids_add(&container->pids, &container->count, container->pid);
	return rc == -ENOMEM ? rc : 0;
}

static int find_in_cgroup(struct cgroup_container *sorted, size_t count, size_t index,
			  enum found *ret)
{
	struct cgroup_container *container = &sorted[index];
	pid_t pid = container->pid > 0 ? container->pid : container->hint;
	struct cgroup_place place;
	const char *line;
	char text[16384];
	ssize_t match;

	if (is_told(container))
		return find_as_told(container, ret);
	*ret = UNKNOWN;
	if (pid <= 0 || (pid == container->pid && !proc_is_running(pid, container->start_time)) ||
	    proc_read(pid, "cgroup", text, sizeof(text), NULL) <= 0)
		return 0;
	if (container->has_no_cgroup)
		*ret = ORPHAN;
	line = text;
	while ((match = cgroup_match_next(&line, sorted, count, &place)) >= 0) {
		int rc;

		if ((size_t)match != index) {
			/* What only may be in it tells nothing of it. */
			*ret = pid == container->pid ? INSIDE : UNKNOWN;
			return 0;
		}
		rc = collect(container, pid, &place);
		if (rc != 0) {
			*ret = IN_CGROUP;
			return rc < 0 ? rc : 0;
		}
	}
	return 0;
}

/* All processes: in ascending order of pid, with their owner. */
struct scan {
	pid_t *pids;
	ssize_t *owners; /* index of the container, or -1 */
	size_t count;
};

static int compare_pids(const void *a, const void *b)
{
	const pid_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static ssize_t index_of(const struct scan *scan, pid_t pid)
{
	const pid_t *found = bsearch(&pid, scan->pids, scan->count, sizeof(pid), compare_pids);

	return found ? found - scan->pids : -1;
}

static void find_by_name(const struct scan *scan, const struct cgroup_container *sorted,
			 enum found *found, size_t count)
{
	char text[16384];

	for (size_t i = 0; i < scan->count; i++) {
		if (scan->owners[i] >= 0 ||
		    proc_read(scan->pids[i], "cgroup", text, sizeof(text), NULL) <= 0)
			continue;
		scan->owners[i] = cgroup_match(text, sorted, count);
		if (scan->owners[i] >= 0 && found[scan->owners[i]] == UNKNOWN)
			found[scan->owners[i]] = IN_CGROUP;
	}
}

/* What is left: the first processes of containers that no cgroup named, and what descends from them. */
static int find_by_parent(const struct scan *scan, const struct cgroup_container *sorted,
			  const enum found *found, size_t count, struct error *err)
{
	cleanup_free ssize_t *parents = calloc(scan->count, sizeof(*parents));

	if (!parents)
		return error_set(err, ENOMEM, "list of processes");
	for (size_t i = 0; i < scan->count; i++) {
		struct proc_stat stat;

		parents[i] = proc_stat_read(scan->pids[i], &stat, NULL) < 0
				     ? -1
				     : index_of(scan, stat.ppid);
	}
	for (size_t i = 0; i < count; i++) {
		ssize_t first = index_of(scan, sorted[i].pid);

		if (found[i] != IN_CGROUP && first >= 0 && scan->owners[first] < 0 &&
		    proc_is_running(sorted[i].pid, sorted[i].start_time))
			scan->owners[first] = (ssize_t)i;
	}
	for (size_t i = 0; i < scan->count; i++) {
		ssize_t ancestor = (ssize_t)i;

		/* The bound: pids may be reused while this runs, and parents then form a ring. */
		for (int depth = 0; depth < 1024 && ancestor >= 0 && scan->owners[ancestor] < 0;
		     depth++)
			ancestor = parents[ancestor];
		if (ancestor >= 0)
			scan->owners[i] = scan->owners[ancestor];
	}
	return 0;
}

/* Those that are in lists already; not of what was told, which may overlap with others. */
static void set_known_owners(const struct scan *scan, const struct cgroup_container *sorted,
			     size_t count)
{
	for (size_t i = 0; i < scan->count; i++)
		scan->owners[i] = -1;
	for (size_t i = 0; i < count; i++)
		for (size_t n = 0; n < sorted[i].count && !is_told(&sorted[i]); n++) {
			ssize_t index = index_of(scan, sorted[i].pids[n]);

			if (index >= 0)
				scan->owners[index] = (ssize_t)i;
		}
}

static bool needs_parents(const struct cgroup_container *sorted, const enum found *found,
			  size_t count)
{
	for (size_t i = 0; i < count; i++)
		if ((found[i] == ORPHAN || found[i] == UNKNOWN) &&
		    proc_is_running(sorted[i].pid, sorted[i].start_time))
			return true;
	return false;
}

/* One look at all processes, for the containers of which not all is known. */
static int find_by_scan(struct cgroup_container *sorted, enum found *found, size_t count,
			bool by_name, struct error *err)
{
	cleanup_free pid_t *pids = NULL;
	cleanup_free ssize_t *owners = NULL, *before = NULL;
	struct scan scan;
	int rc = proc_list(&pids, &scan.count, err);

	if (rc < 0)
		return rc;
	owners = calloc(scan.count + 1, sizeof(*owners));
	before = calloc(scan.count + 1, sizeof(*before));
	if (!owners || !before)
		return error_set(err, ENOMEM, "list of processes");
	scan.pids = pids;
	scan.owners = owners;
	set_known_owners(&scan, sorted, count);
	memcpy(before, owners, scan.count * sizeof(*owners));
	if (by_name)
		find_by_name(&scan, sorted, found, count);
	if (needs_parents(sorted, found, count))
		rc = find_by_parent(&scan, sorted, found, count, err);
	for (size_t i = 0; rc == 0 && i < scan.count; i++) {
		struct cgroup_container *owner =
			owners[i] < 0 || before[i] >= 0 ? NULL : &sorted[owners[i]];

		if (owner && cgroup_pids_add(&owner->pids, &owner->count, pids[i]) < 0)
			rc = error_set(err, ENOMEM, "list of processes");
	}
	return rc;
}

int cgroup_containers_find(struct cgroup_container *containers, size_t count, struct error *err)
{
	cleanup_free enum found *found = calloc(count + 1, sizeof(*found));
	bool by_name = false, by_parent = false;

	if (!found)
		return error_set(err, ENOMEM, "list of containers");
	if (count)
		qsort(containers, count, sizeof(*containers), compare_containers);
	for (size_t i = 0; i < count; i++) {
		if (find_in_cgroup(containers, count, i, &found[i]) < 0)
			return error_set(err, ENOMEM, "list of processes");
		by_name = by_name || found[i] == UNKNOWN;
		by_parent = by_parent || found[i] == ORPHAN;
	}
	return by_name || by_parent ? find_by_scan(containers, found, count, by_name, err) : 0;
}

void cgroup_containers_done(struct cgroup_container *containers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(containers[i].pids);
		containers[i].pids = NULL;
		containers[i].count = 0;
	}
}
