/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes belong to a container. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/common/proc.h"
#include "hook/notify/hierarchy.h"
#include "hook/notify/members.h"
#include "hook/notify/process.h"
#include "oci-config/cleanup.h"
#include "oci-config/file.h"

#define DEPTH_MAX   16 /* of cgroups below cgroups, of processes below processes */
#define FOLDERS_MAX 1024

struct listing {
	bool (*each)(pid_t pid, void *data);
	void *data;
	size_t left; /* no more than so many */
	size_t folders;
};

/* A text of decimal numbers with white space between them, in a file that may be long. False: enough. */
static bool each_number(int fd, bool (*each)(pid_t pid, void *data), void *data)
{
	char text[4096];
	ssize_t len;
	pid_t number = 0;

	while ((len = read(fd, text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < len; i++) {
			if (text[i] >= '0' && text[i] <= '9') {
				number = number * 10 + (text[i] - '0');
				continue;
			}
			if (number && !each(number, data))
				return false;
			number = 0;
		}
	return true;
}

static bool list_one(pid_t pid, void *data)
{
	struct listing *listing = data;

	return listing->left-- > 0 && listing->each(pid, listing->data);
}

static bool list_cgroup(int dir, struct listing *listing, int depth)
{
	cleanup_close int procs = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *entry;

	if (procs >= 0 && !each_number(procs, list_one, listing))
		return false;
	while (entries && depth < DEPTH_MAX && listing->folders && (entry = readdir(entries))) {
		cleanup_close int sub = -1;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		listing->folders--;
		sub = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (sub >= 0 && !list_cgroup(sub, listing, depth + 1))
			return false;
	}
	return true;
}

/* Processes whose children have to be listed yet. */
struct queue {
	struct listing *listing;
	pid_t *pids;
	size_t count, room;
};

static bool enqueue(pid_t pid, void *data)
{
	struct queue *queue = data;

	if (!list_one(pid, queue->listing))
		return false;
	if (queue->count == queue->room) {
		size_t room = queue->room ? 2 * queue->room : 64;
		pid_t *grown = reallocarray(queue->pids, room, sizeof(*grown));

		if (!grown)
			return false;
		queue->pids = grown;
		queue->room = room;
	}
	queue->pids[queue->count++] = pid;
	return true;
}

static bool list_children(pid_t pid, struct queue *queue)
{
	char path[64];
	cleanup_dir DIR *tasks = NULL;
	const struct dirent *entry;
	bool more = true;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks && more && (entry = readdir(tasks))) {
		cleanup_close int fd = -1;
		char name[300];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/children", entry->d_name);
		fd = openat(dirfd(tasks), name, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			more = each_number(fd, enqueue, queue);
	}
	return more;
}

static void list_descendants(struct container *container, struct listing *listing)
{
	struct queue queue = {.listing = listing};

	if (!proc_is_running(container->pid, container->start_time) ||
	    !enqueue(container->pid, &queue)) {
		free(queue.pids);
		return;
	}
	for (size_t i = 0; i < queue.count && list_children(queue.pids[i], &queue); i++)
		;
	free(queue.pids);
}

struct search {
	uint64_t start_time;
	bool found;
};

static bool is_younger(pid_t pid, void *data)
{
	struct search *search = data;
	cleanup_close int dir = process_open(pid);
	struct process_stat stat;

	if (dir >= 0 && process_stat(dir, &stat) == 0)
		search->found = stat.start_time < search->start_time;
	return !search->found;
}

/* A container's cgroup is made for it. One that others were in before is a session's or the like, and they may still be. */
static bool is_shared(const struct container *container)
{
	struct search search = {.start_time = container->start_time};
	cleanup_close int procs = openat(container->cgroup, "cgroup.procs", O_RDONLY | O_CLOEXEC);

	if (procs >= 0)
		each_number(procs, is_younger, &search);
	return search.found;
}

static void know_cgroup(struct container *container)
{
	/* Beside cpuacct.usage a cpu.stat may be there that tells other things (v1). */
	static const char *const cpu_files[] = {"cpuacct.usage", "cpu.stat"};

	if (container->cgroup_known || !container->pid)
		return;
	container->cgroup_known = true;
	container->cgroup = hierarchy_open(container->pid);
	for (size_t i = 0; container->cgroup >= 0 && container->cpu < 0 && i < 2; i++)
		container->cpu = openat(container->cgroup, cpu_files[i], O_RDONLY | O_CLOEXEC);
	if (container->cgroup >= 0 && is_shared(container)) {
		close(container->cgroup);
		container->cgroup = -1;
	}
}

void members_list(struct container *container, bool (*each)(pid_t pid, void *data), void *data)
{
	struct listing listing = {
		.each = each, .data = data, .left = MEMBERS_MAX, .folders = FOLDERS_MAX};

	know_cgroup(container);
	if (container->cgroup >= 0)
		list_cgroup(container->cgroup, &listing, 0);
	else if (container->pid)
		list_descendants(container, &listing);
}

struct tracked *members_track(struct container *container, pid_t pid, int *ret_dir)
{
	cleanup_close int dir = process_open(pid);
	struct process_status status;
	struct process_stat stat;
	struct tracked *process;
	bool is_new;

	if (dir < 0 || process_stat(dir, &stat) < 0)
		return NULL;
	process = container_find(container, pid);
	is_new = !process || process->start_time != stat.start_time;
	process = container_track(container, pid, stat.start_time);
	if (!process)
		return NULL;
	if (is_new)
		process->outside = process_status(dir, &status) < 0 || !status.filters ||
				   status.filters < container->listener->filters;
	process->seen = true;
	if (process->outside)
		return NULL;
	*ret_dir = steal_fd(&dir);
	return process;
}

struct noting {
	struct container *container;
	uint64_t now;
};

static bool note_one(pid_t pid, void *data)
{
	struct noting *noting = data;
	cleanup_close int dir = -1;
	struct tracked *process = members_track(noting->container, pid, &dir);

	if (process && process->left_alone <= noting->now)
		pace_note(&process->pace, noting->now);
	return true;
}

void members_note(struct container *container, uint64_t now)
{
	struct noting noting = {.container = container, .now = now};

	members_list(container, note_one, &noting);
}

bool members_were_active(struct container *container)
{
	char text[sizeof(container->cpu_text)];
	ssize_t len;

	know_cgroup(container);
	if (container->cpu < 0)
		return true;
	/* cpu.stat begins with "usage_usec NUMBER". */
	len = pread(container->cpu, text, sizeof(text) - 1, 0);
	if (len < 0)
		return false; /* the cgroup was removed */
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (!strcmp(text, container->cpu_text))
		return false;
	memcpy(container->cpu_text, text, sizeof(text));
	return true;
}
