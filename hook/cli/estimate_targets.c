/* SPDX-License-Identifier: Apache-2.0 */
/* What estimate is asked about: containers of any engine, cgroups, processes. */
#include "hook/cli/estimate_targets.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hook/cli/known.h"
#include "hook/common/cgroup.h"
#include "hook/common/proc.h"
#include "oci-config/cleanup.h"
#include "oci-config/state.h"

struct list {
	struct target *targets;
	size_t count;
};

static int no_memory(struct error *err)
{
	return error_set(err, ENOMEM, "list of processes");
}

static int add_pid(struct target *target, pid_t pid)
{
	pid_t *grown = reallocarray(target->pids, target->count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	target->pids = grown;
	grown[target->count++] = pid;
	return 0;
}

/* A new one, with these processes. */
static int add_target(struct list *list, const char *name, const pid_t *pids, size_t count)
{
	struct target *grown = reallocarray(list->targets, list->count + 1, sizeof(*grown));
	struct target *target;

	if (!grown)
		return -ENOMEM;
	list->targets = grown;
	target = &grown[list->count];
	*target = (struct target){.name = strdup(name)};
	if (!target->name)
		return -ENOMEM;
	list->count++;
	for (size_t i = 0; i < count; i++)
		if (add_pid(target, pids[i]) < 0)
			return -ENOMEM;
	return 0;
}

static struct target *find(const struct list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->targets[i].name, name) == 0)
			return &list->targets[i];
	return NULL;
}

void targets_free(struct target *targets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(targets[i].name);
		free(targets[i].pids);
	}
	free(targets);
}

static bool is_owned(const struct list *list, pid_t pid)
{
	for (size_t i = 0; i < list->count; i++)
		for (size_t n = 0; n < list->targets[i].count; n++)
			if (list->targets[i].pids[n] == pid)
				return true;
	return false;
}

/* Those of no record, by what engines call their cgroups. */
static int add_engines(struct list *list, struct error *err)
{
	cleanup_free pid_t *pids = NULL;
	char text[16384], id[OCFG_ID_MAX + 1];
	size_t count = 0;
	int rc = proc_list(&pids, &count, err);

	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct target *target;

		if (proc_read(pids[i], "cgroup", text, sizeof(text), NULL) <= 0 ||
		    !cgroup_engine_id(text, id, sizeof(id)) || is_owned(list, pids[i]))
			continue;
		target = find(list, id);
		if ((target ? add_pid(target, pids[i]) : add_target(list, id, &pids[i], 1)) < 0)
			rc = no_memory(err);
	}
	return rc;
}

static int compare(const void *a, const void *b)
{
	const struct target *left = a, *right = b;

	return strcmp(left->name, right->name);
}

int targets_all(struct target **ret, size_t *ret_count, struct error *err)
{
	struct known known = {0};
	struct list list = {0};
	int rc = known_load(&known, err);

	for (size_t i = 0; rc == 0 && i < known.count; i++) {
		const struct cgroup_container *container = &known.containers[i];

		if (container->count &&
		    add_target(&list, container->id, container->pids, container->count) < 0)
			rc = no_memory(err);
	}
	known_done(&known);
	if (rc == 0)
		rc = add_engines(&list, err);
	if (rc < 0) {
		targets_free(list.targets, list.count);
		return rc;
	}
	if (list.count)
		qsort(list.targets, list.count, sizeof(*list.targets), compare);
	*ret = list.targets;
	*ret_count = list.count;
	return 0;
}

/* Processes whose cgroup is that folder, or, if `folder` is NULL, has that name as an engine would give it. */
static int add_cgroup(struct list *list, const char *arg, const char *folder, struct error *err)
{
	const struct cgroup_container container = {.id = arg};
	cleanup_free pid_t *pids = NULL;
	char text[16384];
	size_t count = 0, n = 0;
	int rc = proc_list(&pids, &count, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < count; i++) {
		if (proc_read(pids[i], "cgroup", text, sizeof(text), NULL) <= 0)
			continue;
		if (folder ? cgroup_is_in(text, folder) : cgroup_match(text, &container, 1) == 0)
			pids[n++] = pids[i];
	}
	if (!n)
		return error_set(err, ESRCH, "cgroup %s", arg);
	return add_target(list, arg, pids, n) < 0 ? no_memory(err) : 0;
}

static int add_process(struct list *list, const char *arg, struct error *err)
{
	struct proc_stat stat;
	int64_t number;
	pid_t pid;

	if (proc_number(arg, &number) < 0 || number <= 0 || number > INT32_MAX)
		return error_set(err, ESRCH, "process %s", arg);
	pid = (pid_t)number;
	if (proc_stat_read(pid, &stat, NULL) < 0)
		return error_set(err, ESRCH, "process %s", arg);
	return add_target(list, arg, &pid, 1) < 0 ? no_memory(err) : 0;
}

/* Of all containers that there are, the one with that ID, or the only one whose ID begins so. */
static int add_container(struct list *list, const struct list *all, const char *arg,
			 struct error *err)
{
	const struct target *found = find(all, arg);
	size_t len = strlen(arg);

	for (size_t i = 0; !found && i < all->count; i++) {
		const char *name = all->targets[i].name;

		if (strncmp(name, arg, len) != 0)
			continue;
		if (i + 1 < all->count && strncmp(all->targets[i + 1].name, arg, len) == 0)
			return error_set(err, EINVAL,
					 "%s stands for several containers (%s, %s, ...)", arg,
					 name, all->targets[i + 1].name);
		found = &all->targets[i];
	}
	if (!found)
		return error_set(err, ESRCH, "container %s", arg);
	return add_target(list, found->name, found->pids, found->count) < 0 ? no_memory(err) : 0;
}

static int add_one(struct list *list, const struct list *all, const char *arg, struct error *err)
{
	if (!find(all, arg) && arg[0] == '/')
		return add_cgroup(list, arg, arg, err);
	if (!find(all, arg) && arg[strspn(arg, "0123456789")] == '\0')
		return add_process(list, arg, err);
	/* A cgroup that is called as the container is, as crun's and runc's own are. */
	if (!find(all, arg) && ocfg_id_is_valid(arg) && add_cgroup(list, arg, NULL, NULL) == 0)
		return 0;
	return add_container(list, all, arg, err);
}

int targets_find(char *const *args, size_t count, struct target **ret, size_t *ret_count,
		 struct error *err)
{
	struct list list = {0}, all = {0};
	int rc = targets_all(&all.targets, &all.count, err);

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = add_one(&list, &all, args[i], err);
	targets_free(all.targets, all.count);
	if (rc < 0) {
		targets_free(list.targets, list.count);
		return rc;
	}
	*ret = list.targets;
	*ret_count = list.count;
	return 0;
}
