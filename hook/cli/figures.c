/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of all containers and runs that can be merged: what `status`, `top` and `metrics` show. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/cli/figures.h"
#include "hook/cli/host.h"
#include "hook/cli/known.h"
#include "hook/cli/table.h"
#include "hook/common/engine_names.h"
#include "hook/common/ksm.h"
#include "hook/common/proc.h"
#include "oci-config/cleanup.h"

static int64_t bytes(int64_t pages)
{
	return pages == KSM_UNKNOWN ? KSM_UNKNOWN : pages * sysconf(_SC_PAGESIZE);
}

/* Before Linux 6.6 there are no zero pages of KSM's. */
static int64_t merged_pages(const struct ksm_process *ksm)
{
	if (ksm->merging_pages == KSM_UNKNOWN || ksm->zero_pages == KSM_UNKNOWN)
		return ksm->merging_pages;
	return ksm->merging_pages + ksm->zero_pages;
}

static int64_t is_mergeable(const struct ksm_process *ksm)
{
	if (ksm->merge_any == 1)
		return 1;
	return ksm->mergeable;
}

static void sum_up(const struct ksm_group *group, struct figures *ret)
{
	ret->held_up = group->held_up;
	for (size_t i = 0; i < group->count; i++) {
		const struct ksm_process *ksm = &group->ret[i];

		/* Gone meanwhile, or a zombie, which has no memory. */
		if (ksm->anonymous == KSM_UNKNOWN)
			continue;
		ret->processes++;
		figures_add(&ret->mergeable, is_mergeable(ksm));
		figures_add(&ret->anonymous, ksm->anonymous);
		figures_add(&ret->merged, bytes(merged_pages(ksm)));
		figures_add(&ret->zero, bytes(ksm->zero_pages));
		figures_add(&ret->scanned, bytes(ksm->rmap_items));
		figures_add(&ret->saved, ksm->profit);
	}
}

/* `tracked`: the pages that ksmd keeps books of on the whole host. */
static void derive(struct figures *figures, int64_t tracked)
{
	int64_t all = bytes(tracked), scanned = figures->scanned;

	figures->ratio = figures->share = KSM_UNKNOWN;
	figures->frames = figures->counted = KSM_UNKNOWN;
	figures->change = figures->trend = figures->ksmd = KSM_UNKNOWN;
	if (scanned == KSM_UNKNOWN)
		return;
	if (figures->merged > 0)
		figures->ratio = (int64_t)((double)scanned / (double)figures->merged * 1e3);
	else if (figures->merged == 0)
		figures->ratio = scanned ? TABLE_ENDLESS : 0;
	/* What it had at the last of these looks may be more than all had at the first. */
	if (all != KSM_UNKNOWN)
		figures->share = scanned >= all ? (scanned ? 1000000 : 0)
						: (int64_t)((double)scanned / (double)all * 1e6);
}

struct earlier {
	const struct figures *figures;
};

/* What is asked for, and what an earlier look has found. */
struct look {
	const struct earlier *earlier; /* by ID */
	size_t earlier_count;
	char *const *ids; /* none: all */
	size_t id_count;
};

static bool is_wanted(const struct look *look, const char *id)
{
	bool found = !look->id_count;

	for (size_t i = 0; i < look->id_count && !found; i++)
		found = strcmp(look->ids[i], id) == 0;
	return found;
}

static int compare_earlier(const void *a, const void *b)
{
	const struct earlier *left = a, *right = b;

	return strcmp(left->figures->record.id, right->figures->record.id);
}

static const struct figures *find_earlier(const struct look *look, const struct figures *now)
{
	const struct earlier key = {now}, *found = NULL;

	if (look->earlier_count)
		found = bsearch(&key, look->earlier, look->earlier_count, sizeof(key),
				compare_earlier);
	return found ? found->figures : NULL;
}

static bool has(const struct cgroup_container *container, pid_t pid)
{
	for (size_t i = 0; i < container->count; i++)
		if (container->pids[i] == pid)
			return true;
	return false;
}

/*
 * A name is looked for once, because that reads files of the engine. Where there was none it is again when the first process
 * has another parent: while a container starts that is the runtime, which leads to no engine.
 */
static void find_name(struct engine_names *names, const struct cgroup_container *container,
		      const struct figures *before, struct figures *ret)
{
	pid_t first = container->pid;

	if (before && before->name) {
		ret->name = strdup(before->name);
		return;
	}
	if (before && before->parent == ret->parent)
		return;
	/* Of a container that is new this is what the runtime has written. */
	if (first <= 0 && !before)
		first = container->hint;
	ret->name = first > 0 && has(container, first)
			    ? engine_name(names, container->id, &first, 1)
			    : engine_name(names, container->id, container->pids, container->count);
}

static size_t count_processes(const struct known *known)
{
	size_t count = 0;

	for (size_t i = 0; i < known->count; i++)
		count += known->containers[i].count;
	return count;
}

/* A group for each container, without processes where it is not wanted. `room`: for all processes. */
static void read_groups(const struct known *known, const struct look *look,
			struct ksm_process *room, struct ksm_group *groups)
{
	for (size_t i = 0; i < known->count; i++) {
		const struct cgroup_container *container = &known->containers[i];

		groups[i].pids = container->pids;
		groups[i].count = is_wanted(look, container->id) ? container->count : 0;
		groups[i].ret = room;
		room += groups[i].count;
	}
	ksm_groups_read(groups, known->count);
}

/* Takes what it keeps out of `known`. */
static size_t take(struct known *known, const struct look *look, const struct ksm_group *groups,
		   struct figures *ret)
{
	int64_t tracked = host_ksm_tracked();
	struct engine_names names = {0};
	size_t kept = 0;

	for (size_t i = 0; i < known->count; i++) {
		struct cgroup_container *container = &known->containers[i];
		struct figures figures = {0};
		struct proc_stat stat = {0};

		sum_up(&groups[i], &figures);
		if (!figures.processes)
			continue;
		derive(&figures, tracked);
		(void)proc_stat_read(container->pid > 0 ? container->pid : container->pids[0],
				     &stat, NULL);
		snprintf(figures.command, sizeof(figures.command), "%s", stat.comm);
		figures.parent = stat.ppid;
		figures.record = known->records[i];
		find_name(&names, container, find_earlier(look, &figures), &figures);
		known->records[i] = (struct ocfg_record){0};
		figures.switched = known->switched[i];
		known->switched[i] = (struct switched){0};
		figures.pids = container->pids;
		figures.count = container->count;
		container->pids = NULL;
		container->count = 0;
		ret[kept++] = figures;
	}
	engine_names_done(&names);
	return kept;
}

int figures_load(struct figures **ret, size_t *ret_count, struct error *err)
{
	return figures_load_again(NULL, 0, NULL, 0, ret, ret_count, err);
}

static int load(const struct look *look, const struct known_hint *hints, struct figures **ret,
		size_t *ret_count, struct error *err)
{
	cleanup_free struct ksm_process *room = NULL;
	cleanup_free struct ksm_group *groups = NULL;
	struct figures *figures;
	struct known known = {0};
	int rc = known_load_again(hints, look->earlier_count, &known, err);

	if (rc < 0)
		return rc;
	figures = calloc(known.count + 1, sizeof(*figures));
	groups = calloc(known.count + 1, sizeof(*groups));
	room = calloc(count_processes(&known) + 1, sizeof(*room));
	if (figures && groups && room) {
		read_groups(&known, look, room, groups);
		*ret_count = take(&known, look, groups, figures);
		*ret = figures;
	} else {
		free(figures);
		rc = error_set(err, ENOMEM, "list of containers");
	}
	known_done(&known);
	return rc;
}

int figures_load_again(const struct figures *before, size_t before_count, char *const *ids,
		       size_t id_count, struct figures **ret, size_t *ret_count, struct error *err)
{
	cleanup_free struct known_hint *hints = calloc(before_count + 1, sizeof(*hints));
	cleanup_free struct earlier *earlier = calloc(before_count + 1, sizeof(*earlier));
	const struct look look = {earlier, before_count, ids, id_count};

	if (!hints || !earlier)
		return error_set(err, ENOMEM, "list of containers");
	for (size_t i = 0; i < before_count; i++)
		earlier[i].figures = &before[i];
	qsort(earlier, before_count, sizeof(*earlier), compare_earlier);
	for (size_t i = 0; i < before_count; i++)
		hints[i] = (struct known_hint){
			earlier[i].figures->record.id,
			earlier[i].figures->count ? earlier[i].figures->pids[0] : 0};
	return load(&look, hints, ret, ret_count, err);
}
