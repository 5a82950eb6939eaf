/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes belong to a container. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "hook/mark/hierarchy.h"
#include "hook/mark/listing.h"
#include "hook/mark/process.h"
#include "hook/notify/members.h"
#include "oci-config/cleanup.h"

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
		listing_numbers(procs, is_younger, &search);
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
	know_cgroup(container);
	if (container->cgroup >= 0)
		listing_cgroup(container->cgroup, MEMBERS_MAX, each, data);
	else if (container->pid)
		listing_descendants(container->pid, container->start_time, MEMBERS_MAX, each, data);
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
