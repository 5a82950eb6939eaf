/* SPDX-License-Identifier: Apache-2.0 */
/* The processes in a cgroup, as the cgroup itself tells. */
#include "hook/common/cgroup_procs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "oci-config/cleanup.h"

/* Containers make cgroups below their own. */
#define DEPTH_MAX 64

struct list {
	pid_t **pids;
	size_t *count;
};

int cgroup_pids_add(pid_t **pids, size_t *count, pid_t pid)
{
	/* Grown when the count is a power of two. */
	if ((*count & (*count - 1)) == 0) {
		size_t room = *count ? 2 * *count : 1;
		pid_t *grown = reallocarray(*pids, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		*pids = grown;
	}
	(*pids)[(*count)++] = pid;
	return 0;
}

/* Lines with a number each; 0 stands for a process that this pid namespace does not see. */
static int add_numbers(int fd, struct list *list)
{
	char text[4096];
	pid_t number = 0;
	ssize_t len;

	while ((len = read(fd, text, sizeof(text))) > 0) {
		for (ssize_t i = 0; i < len; i++) {
			if (text[i] >= '0' && text[i] <= '9') {
				number = number * 10 + (text[i] - '0');
				continue;
			}
			if (number && cgroup_pids_add(list->pids, list->count, number) < 0)
				return -ENOMEM;
			number = 0;
		}
	}
	/* Of threaded cgroups the processes are listed by the one above them (EOPNOTSUPP), of one that is gone nowhere. */
	return 0;
}

/* Kernels say with the number of links how many cgroups are below; what has no such number is looked at. */
static bool has_folders(int dir)
{
	struct stat st;

	return fstat(dir, &st) < 0 || st.st_nlink != 2;
}

static int add_folder(int dir, struct list *list, int depth);

static int add_below(int dir, struct list *list, int depth)
{
	cleanup_close int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *entries = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	int rc = 0;

	if (!entries)
		return 0;
	(void)steal_fd(&copy);
	while (rc == 0 && (entry = readdir(entries))) {
		cleanup_close int sub = -1;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		sub = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			rc = add_folder(sub, list, depth + 1);
	}
	return rc;
}

static int add_folder(int dir, struct list *list, int depth)
{
	cleanup_close int procs = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	int rc = procs < 0 ? 0 : add_numbers(procs, list);

	if (rc == 0 && depth < DEPTH_MAX && has_folders(dir))
		rc = add_below(dir, list, depth);
	return rc;
}

int cgroup_procs_add(const char *folder, pid_t **pids, size_t *count, struct error *err)
{
	cleanup_close int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct list list = {pids, count};

	if (dir < 0)
		return error_set(err, errno, "open %s", folder);
	if (add_folder(dir, &list, 0) < 0)
		return error_set(err, ENOMEM, "list of processes");
	return 0;
}
