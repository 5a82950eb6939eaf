/* SPDX-License-Identifier: Apache-2.0 */
/* What commands are asked about: containers of any engine, cgroups, processes. */
#include "hook/cli/targets.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook/cli/known.h"
#include "hook/common/cgroup.h"
#include "hook/common/cgroup_procs.h"
#include "hook/common/engine_names.h"
#include "hook/common/escape.h"
#include "hook/common/proc.h"
#include "oci-config/cleanup.h"
#include "oci-config/state.h"

#define SHORT_ID 12 /* digits */

struct list {
	struct target *targets;
	size_t count;
};

static int no_memory(struct error *err)
{
	return error_set(err, ENOMEM, "list of processes");
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
		if (cgroup_pids_add(&target->pids, &target->count, pids[i]) < 0)
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
		free(targets[i].called);
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
	size_t count = 0, known = list->count;
	int rc = proc_list(&pids, &count, err);

	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct target *target;

		if (proc_read(pids[i], "cgroup", text, sizeof(text), NULL) <= 0 ||
		    !cgroup_engine_id(text, id, sizeof(id)) || is_owned(list, pids[i]))
			continue;
		target = find(list, id);
		/* Of a known one all processes are known: who may make cgroups may call them so. */
		if (target && target < list->targets + known)
			continue;
		if ((target ? cgroup_pids_add(&target->pids, &target->count, pids[i])
			    : add_target(list, id, &pids[i], 1)) < 0)
			rc = no_memory(err);
	}
	return rc;
}

static int compare(const void *a, const void *b)
{
	const struct target *left = a, *right = b;

	return strcmp(left->name, right->name);
}

static void find_names(struct list *list, size_t from)
{
	struct engine_names names = {0};

	for (size_t i = from; i < list->count; i++) {
		struct target *target = &list->targets[i];

		target->called = engine_name(&names, target->name, target->pids, target->count);
	}
	engine_names_done(&names);
}

/* Adds what engines' cgroups show besides; the names of the first `named` are known. */
static int complete(struct list *list, size_t named, struct error *err)
{
	int rc = add_engines(list, err);

	if (rc < 0)
		return rc;
	find_names(list, named);
	if (list->count)
		qsort(list->targets, list->count, sizeof(*list->targets), compare);
	return 0;
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
		rc = complete(&list, 0, err);
	if (rc < 0) {
		targets_free(list.targets, list.count);
		return rc;
	}
	*ret = list.targets;
	*ret_count = list.count;
	return 0;
}

/* Processes in that cgroup, or, if `folder` is NULL, in one with that name. *ret_strangers: those that are of no container. */
static int find_cgroup(const char *name, const char *folder, const struct list *all,
		       struct target *ret, size_t *ret_strangers, struct error *err)
{
	cleanup_free pid_t *pids = NULL;
	char text[16384];
	size_t count = 0;
	int rc = proc_list(&pids, &count, err);

	for (size_t i = 0; rc == 0 && i < count; i++) {
		if (proc_read(pids[i], "cgroup", text, sizeof(text), NULL) <= 0 ||
		    !(folder ? cgroup_is_in(text, folder) : cgroup_is_named(text, name)))
			continue;
		if (cgroup_pids_add(&ret->pids, &ret->count, pids[i]) < 0)
			rc = no_memory(err);
		*ret_strangers += !is_owned(all, pids[i]);
	}
	return rc;
}

static int add_cgroup(struct list *list, const struct list *all, const char *folder,
		      struct error *err)
{
	struct target found = {0};
	size_t strangers = 0;
	int rc = find_cgroup(NULL, folder, all, &found, &strangers, err);

	if (rc == 0 && !found.count)
		rc = error_set(err, ESRCH, "cgroup %s", folder);
	if (rc == 0 && add_target(list, folder, found.pids, found.count) < 0)
		rc = no_memory(err);
	free(found.pids);
	return rc;
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

static int add_found(struct list *list, const struct target *found, struct error *err)
{
	struct target *added;

	if (add_target(list, found->name, found->pids, found->count) < 0)
		return no_memory(err);
	added = &list->targets[list->count - 1];
	if (found->called && !(added->called = strdup(found->called)))
		return no_memory(err);
	return 0;
}

/* Does that argument stand for that container, by name or by the beginning of its ID? */
typedef bool stands_for(const struct target *target, const char *arg);

static bool by_name(const struct target *target, const char *arg)
{
	return target->called && engine_name_is(target->called, arg);
}

static bool by_beginning(const struct target *target, const char *arg)
{
	return strncmp(target->name, arg, strlen(arg)) == 0;
}

/* Nobody who has copied what engines print of an ID means a name. */
static bool by_either(const struct target *target, const char *arg)
{
	return by_name(target, arg) ||
	       (strspn(arg, "0123456789abcdef") >= SHORT_ID && by_beginning(target, arg));
}

static int too_many(const struct list *all, const char *arg, stands_for *stands, bool is_cgroup,
		    struct error *err)
{
	char text[400] = "", id[ESCAPED_SIZE(64)], name[ESCAPED_SIZE(64)];
	const char *comma = "";
	size_t len = 0;

	for (size_t i = 0; i < all->count && len < sizeof(text); i++) {
		const struct target *target = &all->targets[i];

		if (!stands(target, arg))
			continue;
		escape(target->name, id, strlen(target->name) == 64 ? SHORT_ID + 4 : sizeof(id));
		escape(target->called ? target->called : "-", name, sizeof(name));
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s (%s)", comma, id,
					name);
		comma = ", ";
	}
	return error_set(err, EINVAL, "%s stands for several%s: %s%s", arg,
			 is_cgroup ? ", one a cgroup" : " containers", text,
			 len < sizeof(text) ? "" : "...");
}

/* Of all containers that there are, the only one for which it stands. 1, or 0 if there is none. */
static int add_container(struct list *list, const struct list *all, const char *arg,
			 stands_for *stands, struct error *err)
{
	const struct target *found = NULL;
	int rc;

	for (size_t i = 0; i < all->count; i++) {
		if (!stands(&all->targets[i], arg))
			continue;
		if (found)
			return too_many(all, arg, stands, false, err);
		found = &all->targets[i];
	}
	rc = found ? add_found(list, found, err) : 0;
	return rc < 0 ? rc : found != NULL;
}

/* Of an engine that calls it so, or a cgroup of that name (crun's and runc's own containers, units), but not both. 1, or 0 if there is none. */
static int add_called(struct list *list, const struct list *all, const char *arg, struct error *err)
{
	struct target cgroup = {0};
	size_t strangers = 0;
	int rc = find_cgroup(arg, NULL, all, &cgroup, &strangers, err), found;

	found = rc < 0 ? rc : add_container(list, all, arg, by_either, err);
	if (found > 0 && strangers)
		found = too_many(all, arg, by_either, true, err);
	if (found == 0 && cgroup.count)
		found = add_target(list, arg, cgroup.pids, cgroup.count) < 0 ? no_memory(err) : 1;
	free(cgroup.pids);
	return found;
}

static int add_one(struct list *list, const struct list *all, const char *arg, struct error *err)
{
	const struct target *same = find(all, arg);
	cleanup_free char *path = NULL;
	int found;

	if (same)
		return add_found(list, same, err);
	if (arg[0] == '/')
		return add_cgroup(list, all, arg, err);
	/* As many as an ID is shortened to are no pid. */
	if (arg[strspn(arg, "0123456789")] == '\0' && strlen(arg) < SHORT_ID)
		return add_process(list, arg, err);
	found = add_called(list, all, arg, err);
	if (found == 0 && strchr(arg, '/')) {
		if (asprintf(&path, "/%s", arg) < 0)
			return no_memory(err);
		found = add_cgroup(list, all, path, NULL) == 0;
	}
	if (found == 0)
		found = add_container(list, all, arg, by_beginning, err);
	if (found == 0)
		return error_set(err, ESRCH, "container %s", arg);
	return found < 0 ? found : 0;
}

static int add_each(const struct list *all, char *const *args, size_t count, struct target **ret,
		    size_t *ret_count, struct error *err)
{
	struct list list = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = add_one(&list, all, args[i], err);
	if (rc < 0) {
		targets_free(list.targets, list.count);
		return rc;
	}
	*ret = list.targets;
	*ret_count = list.count;
	return 0;
}

int targets_find(char *const *args, size_t count, struct target **ret, size_t *ret_count,
		 struct error *err)
{
	struct list all = {0};
	int rc = targets_all(&all.targets, &all.count, err);

	if (rc == 0)
		rc = add_each(&all, args, count, ret, ret_count, err);
	targets_free(all.targets, all.count);
	return rc;
}

int targets_find_with(const struct target *known, size_t known_count, char *const *args,
		      size_t count, struct target **ret, size_t *ret_count, struct error *err)
{
	struct list all = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < known_count; i++)
		rc = add_found(&all, &known[i], err);
	if (rc == 0)
		rc = complete(&all, known_count, err);
	if (rc == 0)
		rc = add_each(&all, args, count, ret, ret_count, err);
	targets_free(all.targets, all.count);
	return rc;
}
