/* SPDX-License-Identifier: Apache-2.0 */
/* Where engines keep the bundles of running containers. */
#include "hook/common/bundle.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hook/common/proc.h"
#include "oci-config/cleanup.h"
#include "oci-config/state.h"

#define PARENTS \
	4 /* of a container's processes, that are tried: its first process', those of exec sessions, ... */

/* What conmon, podman's and CRI-O's, was told: "-b FOLDER/ID/userdata". Or -1. */
static int open_told(pid_t parent, const char *id, int root)
{
	char args[16384], end[OCFG_ID_MAX + 32];
	ssize_t len = proc_read(parent, "cmdline", args, sizeof(args), NULL);
	size_t end_len = (size_t)snprintf(end, sizeof(end), "/%s/userdata", id);

	for (const char *arg = args; len > 0 && arg < args + len; arg += strlen(arg) + 1) {
		const char *path = arg + 3;
		size_t size;

		if (strcmp(arg, "-b") != 0 || path >= args + len)
			continue;
		size = strlen(path);
		if (*path != '/' || size < end_len || strcmp(path + size - end_len, end) != 0)
			continue;
		return openat(root, path + strspn(path, "/"), O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	return -1;
}

/* Where that process stands, as shims do, or beside it: the shim of a pod stands in the bundle of the pause container. Or -1. */
static int open_here(pid_t parent, const char *id)
{
	char path[PATH_MAX], link[64], beside[OCFG_ID_MAX + 8];
	cleanup_close int cwd = -1;
	const char *name;
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/%d/cwd", parent);
	len = readlink(link, path, sizeof(path) - 1);
	cwd = open(link, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (len <= 0 || cwd < 0)
		return -1;
	path[len] = '\0';
	name = strrchr(path, '/');
	if (name && strcmp(name + 1, id) == 0)
		return steal_fd(&cwd);
	snprintf(beside, sizeof(beside), "../%s", id);
	return openat(cwd, beside, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool look_at_parent(const char *id, pid_t parent, bundle_each *each, void *data)
{
	cleanup_close int bundle = -1, root = -1;
	bool is_store;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root", parent);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return false;
	bundle = open_told(parent, id, root);
	is_store = bundle >= 0;
	if (bundle < 0)
		bundle = open_here(parent, id);
	return bundle >= 0 && each(bundle, root, is_store, data);
}

static bool is_among(pid_t pid, const pid_t *pids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

void bundle_find(const char *id, const pid_t *pids, size_t count, bundle_each *each, void *data)
{
	pid_t last = 0;
	bool done = !ocfg_id_is_valid(id);

	for (size_t i = 0, tried = 0; !done && i < count && tried < PARENTS; i++) {
		struct proc_stat stat;

		if (proc_stat_read(pids[i], &stat, NULL) < 0 || stat.ppid <= 1 ||
		    stat.ppid == last || is_among(stat.ppid, pids, count))
			continue;
		last = stat.ppid;
		tried++;
		done = look_at_parent(id, stat.ppid, each, data);
	}
}
