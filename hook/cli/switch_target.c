/* SPDX-License-Identifier: Apache-2.0 */
/* A target of enable and disable: whom that means from outside. */
#include "hook/cli/switch_target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hook/common/cgroup.h"
#include "hook/common/proc.h"
#include "hook/mark/hierarchy.h"

/* Where cgroups of containers can be: v1's hierarchies, those that every engine uses first, and that of v2. */
static const char *const controllers[] = {"cpuacct", "memory",	"pids",	   "cpu",
					  "devices", "freezer", "systemd", NULL};
#define CONTROLLERS (sizeof(controllers) / sizeof(controllers[0]))

static int find_oldest(const struct target *target, struct switch_target *ret, struct error *err)
{
	struct proc_stat stat;

	ret->pid = 0;
	for (size_t i = 0; i < target->count; i++) {
		if (proc_stat_read(target->pids[i], &stat, NULL) < 0 || stat.state == 'Z')
			continue;
		/* Clocks have ticks: of those that began in the same one, the first has the smallest number. */
		if (!ret->pid || stat.start_time < ret->start_time ||
		    (stat.start_time == ret->start_time && target->pids[i] < ret->pid)) {
			ret->pid = target->pids[i];
			ret->start_time = stat.start_time;
		}
	}
	return ret->pid ? 0 : error_set(err, ESRCH, "it has ended");
}

/*
 * The folder of its cgroup, up to the first part that has the name of the container, as engines write it: below that a
 * container makes cgroups of its own.
 */
static bool cut_at_id(char *folder, const char *id)
{
	const struct cgroup_container container = {.id = id};
	char text[PATH_MAX + 8];

	for (char *end = folder; *end;) {
		char *name;
		char kept;

		end = strchrnul(end + 1, '/');
		kept = *end;
		*end = '\0';
		name = strrchr(folder, '/');
		snprintf(text, sizeof(text), "0::%s\n", name ? name : "");
		if (cgroup_match(text, &container, 1) == 0)
			return true;
		*end = kept;
	}
	return false;
}

/* The same for a path that was asked for, whole or below /sys/fs/cgroup. */
static bool cut_at_path(char *folder, const char *path)
{
	size_t len = strlen(path), folder_len = strlen(folder);

	while (len > 1 && path[len - 1] == '/')
		len--;
	for (size_t at = 0; at + len <= folder_len; at++)
		if (!strncmp(folder + at, path, len) &&
		    (folder[at + len] == '/' || !folder[at + len])) {
			folder[at + len] = '\0';
			return true;
		}
	return false;
}

static void find_cgroup(const struct target *target, struct switch_target *ret)
{
	char folder[PATH_MAX];
	struct stat st;

	for (size_t i = 0; i < CONTROLLERS; i++) {
		if (hierarchy_folder(ret->pid, controllers[i], folder, sizeof(folder)) < 0 ||
		    !(target->name[0] == '/' ? cut_at_path(folder, target->name)
					     : cut_at_id(folder, target->name)) ||
		    stat(folder, &st) < 0)
			continue;
		snprintf(ret->cgroup, sizeof(ret->cgroup), "%s", folder);
		ret->cgroup_inode = st.st_ino;
		return;
	}
}

/* Paths and pids are no file names of ours. */
static void make_id(struct switch_target *ret)
{
	if (ret->name[0] != '/' && !ret->alone && ocfg_id_is_valid(ret->name)) {
		snprintf(ret->id, sizeof(ret->id), "%s", ret->name);
		return;
	}
	snprintf(ret->id, sizeof(ret->id), "%s%s", ret->alone ? "pid-" : "cgroup", ret->name);
	for (char *p = ret->id; *p; p++) {
		char one[2] = {*p, '\0'};

		if (*p == '/')
			*p = '+';
		else if (*p != '.' && !ocfg_id_is_valid(one))
			*p = '_';
	}
}

int switch_target_init(const struct target *target, struct switch_target *ret, struct error *err)
{
	char number[16];
	int rc;

	*ret = (struct switch_target){.name = target->name};
	if (target->name[strspn(target->name, "/")] == '\0' ||
	    !strcmp(target->name, "/sys/fs/cgroup"))
		return error_set(err, EINVAL, "that is the whole machine");
	rc = find_oldest(target, ret, err);
	if (rc < 0)
		return rc;
	snprintf(number, sizeof(number), "%d", target->pids[0]);
	ret->alone = target->count == 1 && !strcmp(target->name, number);
	if (!ret->alone)
		find_cgroup(target, ret);
	if (!ret->cgroup[0] && target->name[0] == '/')
		return error_set(err, ENOENT, "its folder");
	make_id(ret);
	return 0;
}

struct mark_target switch_target_mark(const struct switch_target *target)
{
	return (struct mark_target){.cgroup = target->cgroup[0] ? target->cgroup : NULL,
				    .pid = target->pid,
				    .start_time = target->start_time,
				    .alone = target->alone};
}
