/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a cgroup, or those that descend from one. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hook/common/proc.h"
#include "hook/mark/listing.h"
#include "hook/mark/process.h"
#include "oci-config/cleanup.h"

#define DEPTH_MAX   16 /* of cgroups below cgroups */
#define FOLDERS_MAX 1024

struct listing {
	listing_each *each;
	void *data;
	size_t left; /* no more than so many */
	size_t folders;
};

bool listing_numbers(int fd, listing_each *each, void *data)
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

	if (procs >= 0 && !listing_numbers(procs, list_one, listing))
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
			more = listing_numbers(fd, enqueue, queue);
	}
	return more;
}

void listing_cgroup(int dir, size_t most, listing_each *each, void *data)
{
	struct listing listing = {.each = each, .data = data, .left = most, .folders = FOLDERS_MAX};

	list_cgroup(dir, &listing, 0);
}

void listing_descendants(pid_t pid, uint64_t start_time, size_t most, listing_each *each,
			 void *data)
{
	struct listing listing = {.each = each, .data = data, .left = most};
	struct queue queue = {.listing = &listing};

	if (!proc_is_running(pid, start_time) || !enqueue(pid, &queue)) {
		free(queue.pids);
		return;
	}
	for (size_t i = 0; i < queue.count && list_children(queue.pids[i], &queue); i++)
		;
	free(queue.pids);
}

void listing_target(const struct mark_target *target, size_t most, listing_each *each, void *data)
{
	cleanup_close int folder =
		target->cgroup ? open(target->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	cleanup_close int dir = -1;

	if (target->cgroup) {
		if (folder >= 0)
			listing_cgroup(folder, most, each, data);
		return;
	}
	if (!target->alone) {
		listing_descendants(target->pid, target->start_time, most, each, data);
		return;
	}
	dir = process_open_alive(target->pid, target->start_time);
	if (dir >= 0)
		each(target->pid, data);
}
