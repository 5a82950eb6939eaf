/* SPDX-License-Identifier: Apache-2.0 */
/* What the steward's chores do to containers, and how they name them. */
#include "hook/notify/steward/switching.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "hook/common/cgroup.h"
#include "hook/common/cgroup_procs.h"
#include "hook/common/domain.h"
#include "hook/common/probe.h"
#include "hook/common/proc.h"
#include "hook/mark/listing.h"
#include "oci-config/cleanup.h"

#define PROCESSES_MAX 65536
#define LOCK_STEP     20 /* ms */
#define LOCK_TRIES    50

struct list {
	pid_t *pids;
	size_t count;
};

static bool append(pid_t pid, void *data)
{
	struct list *list = data;

	return cgroup_pids_add(&list->pids, &list->count, pid) == 0;
}

int switching_list(const struct switched *who, pid_t **ret, size_t *ret_count)
{
	struct list list = {0};
	int rc = 0;

	if (who->cgroup)
		rc = cgroup_procs_add(who->cgroup, &list.pids, &list.count, NULL);
	else if (!proc_is_running(who->pid, who->start_time))
		rc = -ESRCH;
	else if (who->alone)
		rc = append(who->pid, &list) ? 0 : -ENOMEM;
	else
		listing_descendants(who->pid, who->start_time, PROCESSES_MAX, append, &list);
	if (rc == -ENOMEM) {
		free(list.pids);
		return rc;
	}
	*ret = list.pids;
	*ret_count = list.count;
	return 0;
}

/* The first process of a record that does not name it: the wrapper makes these before there is one. */
static int find_first(const struct ocfg_record *record, pid_t *ret, uint64_t *ret_start,
		      struct error *err)
{
	struct cgroup_container container = {.id = record->id};
	uint64_t first = UINT64_MAX;
	int rc = cgroup_containers_find(&container, 1, err);

	for (size_t i = 0; rc == 0 && i < container.count; i++) {
		struct proc_stat stat;

		if (proc_stat_read(container.pids[i], &stat, NULL) == 0 &&
		    stat.start_time < first) {
			first = stat.start_time;
			*ret = container.pids[i];
			*ret_start = first;
		}
	}
	cgroup_containers_done(&container, 1);
	if (rc == 0 && first == UINT64_MAX)
		rc = error_set(err, ESRCH, "%s", record->id);
	return rc;
}

/* Is that folder the cgroup, and is the process in it or below? */
static bool is_inside(const char *folder, pid_t pid, uint64_t *ret_inode)
{
	cleanup_free pid_t *pids = NULL;
	struct stat st;
	size_t count = 0;

	if (stat(folder, &st) < 0 || cgroup_procs_add(folder, &pids, &count, NULL) < 0)
		return false;
	*ret_inode = st.st_ino;
	for (size_t i = 0; i < count; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* The container's own cgroup, if its first process is in one that has its name. */
static char *find_cgroup(const char *id, pid_t pid, uint64_t *ret_inode)
{
	const struct cgroup_container named = {.id = id};
	struct cgroup_place place;
	char text[16384];
	const char *line = text;

	if (proc_read(pid, "cgroup", text, sizeof(text), NULL) <= 0)
		return NULL;
	while (cgroup_match_next(&line, &named, 1, &place) >= 0) {
		const char *name = place.controllers;
		const char *const parents[] = {
			strncmp(name, "name=", 5) == 0 ? name + 5 : name,
			*name ? NULL : "unified",
		};

		for (size_t i = 0; i < 2 && parents[i]; i++) {
			char folder[sizeof(place) + 64];

			snprintf(folder, sizeof(folder), "/sys/fs/cgroup%s%s%s",
				 *parents[i] ? "/" : "", parents[i], place.path);
			if (is_inside(folder, pid, ret_inode))
				return strdup(folder);
		}
	}
	return NULL;
}

int switching_find(const struct ocfg_record *record, struct switched *ret, struct error *err)
{
	struct switched who = {.pid = record->pid, .start_time = record->start_time};
	int rc = 0;

	if (who.pid == 0)
		rc = find_first(record, &who.pid, &who.start_time, err);
	else if (!proc_is_running(who.pid, who.start_time))
		rc = error_set(err, ESRCH, "process %d", (int)who.pid);
	if (rc < 0)
		return rc;
	who.id = strdup(record->id);
	if (!who.id)
		return error_set(err, ENOMEM, "%s", record->id);
	if (!record->source || strcmp(record->source, "run") != 0)
		who.cgroup = find_cgroup(who.id, who.pid, &who.cgroup_inode);
	*ret = who;
	return 0;
}

static void progress(const struct mark_progress *progress, void *data)
{
	(void)progress;
	(void)data;
	steward_goes_on();
}

static struct mark_target target_of(const struct switched *who)
{
	return (struct mark_target){.cgroup = who->cgroup,
				    .pid = who->pid,
				    .start_time = who->start_time,
				    .alone = who->alone};
}

static struct mark_options options_of(const struct steward *steward, const struct switched *who)
{
	struct mark_options options = {.features = steward->features, .progress = progress};
	const struct mark_target target = target_of(who);
	struct ocfg_record record;

	/* What a container asked for stays, whoever switches it. */
	if (ocfg_record_load(steward->containers, who->id, &record, NULL) == 0) {
		options.min_size = record.min_size;
		ocfg_record_done(&record);
	}
	if (!(options.features & PROBE_SUSPEND_SECCOMP))
		(void)mark_filters_find(&target, who->id, steward->containers, &options.filters,
					NULL);
	return options;
}

/* Is that the record of this container still, and does it say so? */
static int check(const struct steward *steward, const struct switched *who, bool merging,
		 struct error *err)
{
	struct switched now = {0};
	int rc = switched_load(steward->switched, who->id, &now, err);

	if (rc == 0 &&
	    (now.merging != merging || now.pid != who->pid || now.start_time != who->start_time))
		rc = error_set(err, ECANCELED, "%s was switched meanwhile", who->id);
	switched_done(&now);
	return rc == -ENOENT ? error_set(err, ECANCELED, "%s", who->id) : rc;
}

int switching_mark(const struct steward *steward, const struct switched *who,
		   struct mark_result *ret, struct error *err)
{
	const struct mark_target target = target_of(who);
	const struct mark_options options = options_of(steward, who);
	cleanup_close int lock = switched_try_lock(steward->switched, err);
	int rc = lock < 0 ? lock : check(steward, who, true, err);

	return rc < 0 ? rc : mark_container(&target, &options, ret, err);
}

int switching_unmark(const struct steward *steward, const struct switched *who,
		     struct mark_result *ret, struct error *err)
{
	const struct mark_target target = target_of(who);
	const struct mark_options options = options_of(steward, who);
	int rc = check(steward, who, false, err);

	/* Without the lock, as it may take minutes. If it is switched on meanwhile, that is news, and all of it is marked. */
	return rc < 0 ? rc : unmark_container(&target, &options, ret, err);
}

int switching_write(const struct steward *steward, const struct switched *record, struct error *err)
{
	static const struct timespec step = {.tv_nsec = LOCK_STEP * 1000000L};
	cleanup_close int lock = switched_try_lock(steward->switched, err);
	struct switched now = {0};
	int rc;

	for (int i = 0; lock == -EAGAIN && i < LOCK_TRIES; i++) {
		nanosleep(&step, NULL);
		lock = switched_try_lock(steward->switched, err);
	}
	if (lock < 0)
		return lock;
	rc = switched_load(steward->switched, record->id, &now, err);
	if (rc == 0 && (!now.by || strcmp(now.by, SWITCHING_GUARD) != 0))
		rc = error_set(err, ECANCELED, "%s was switched by somebody else", record->id);
	switched_done(&now);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	if (record->merging)
		return domain_switch_on(&steward->settings, record, err);
	return switched_save(steward->switched, record, err);
}
