/* SPDX-License-Identifier: Apache-2.0 */
/* What the marker knows of a container. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/common/log.h"
#include "hook/common/probe.h"
#include "hook/mark/process.h"
#include "hook/notify/container.h"
#include "hook/notify/dirty.h"
#include "hook/notify/guard.h"
#include "hook/notify/members.h"
#include "oci-config/cleanup.h"

struct container *container_new(struct marker *marker, uint32_t index, int fd)
{
	struct container *container = calloc(1, sizeof(*container));

	if (!container)
		return NULL;
	container->listener = &marker->journal->listener[index];
	container->index = index;
	container->fd = fd;
	container->cgroup = -1;
	container->cpu = -1;
	container->whole = (marker->features & PROBE_PROCESS_WIDE) == PROBE_PROCESS_WIDE &&
			   !container->listener->notify.regions;
	return container;
}

void container_free(struct container *container)
{
	if (!container)
		return;
	close(container->fd);
	if (container->cgroup >= 0)
		close(container->cgroup);
	if (container->cpu >= 0)
		close(container->cpu);
	free(container->processes);
	free(container->noted);
	free(container);
}

void container_complain(struct container *container, const struct error *err, const char *what)
{
	if (container->complained)
		return;
	container->complained = true;
	log_container(container->listener->id);
	log_error(err, what);
	log_container("");
}

/* Where it is, or where it would have to be. */
static size_t position(const struct container *container, pid_t pid)
{
	size_t low = 0, high = container->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (container->processes[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct tracked *container_find(struct container *container, pid_t pid)
{
	size_t at = position(container, pid);

	return at < container->count && container->processes[at].pid == pid
		       ? &container->processes[at]
		       : NULL;
}

static bool make_room(struct container *container)
{
	size_t room = container->room ? 2 * container->room : 4;
	struct tracked *grown;

	if (container->count < container->room)
		return true;
	if (container->count >= CONTAINER_PROCESSES)
		return false;
	grown = reallocarray(container->processes, room, sizeof(*grown));
	if (!grown)
		return false;
	container->processes = grown;
	container->room = room;
	return true;
}

struct tracked *container_track(struct container *container, pid_t pid, uint64_t start_time)
{
	size_t at = position(container, pid);
	struct tracked *process = container_find(container, pid);

	if (!process) {
		if (!make_room(container))
			return NULL;
		process = &container->processes[at];
		memmove(process + 1, process, (container->count - at) * sizeof(*process));
		container->count++;
	} else if (process->start_time == start_time) {
		return process;
	}
	*process = (struct tracked){.pid = pid, .start_time = start_time};
	return process;
}

void container_forget(struct container *container, struct tracked *process)
{
	size_t at = (size_t)(process - container->processes);

	container->count--;
	memmove(process, process + 1, (container->count - at) * sizeof(*process));
	if (!container->count) {
		free(container->processes);
		container->processes = NULL;
		container->room = 0;
	}
}

void container_meet_first(struct container *container, pid_t pid)
{
	struct process_status status;
	struct process_stat stat;
	cleanup_close int dir = process_open(pid);

	if (dir < 0 || process_stat(dir, &stat) < 0 || process_status(dir, &status) < 0)
		return;
	if (container->listener->start_time && container->listener->pid == pid &&
	    container->listener->start_time != stat.start_time)
		return;
	container->pid = pid;
	container->start_time = stat.start_time;
	if (!container->listener->filters)
		container->listener->filters = status.filters;
}

/* The process of a thread that was noted at `since`; NULL: it is gone. */
static struct tracked *resolve(struct container *container, pid_t tid, uint64_t since)
{
	struct process_stat thread, leader;
	struct process_status status;
	cleanup_close int dir = process_open(tid), leader_dir = -1;

	if (dir < 0 || process_stat(dir, &thread) < 0 || !process_began_before(&thread, since) ||
	    process_status(dir, &status) < 0)
		return NULL;
	leader_dir = process_open(status.tgid);
	/* The thread is there after its leader's time was read: so that was its leader. */
	if (leader_dir < 0 || process_stat(leader_dir, &leader) < 0 ||
	    process_stat(dir, &thread) < 0)
		return NULL;
	if (!container->pid)
		container_meet_first(container, status.tgid);
	return container_track(container, status.tgid, leader.start_time);
}

static struct tracked *find_noted(struct container *container, size_t slot, uint32_t tid,
				  uint64_t since)
{
	struct noted *noted = &container->noted[slot];
	struct tracked *process;

	if (noted->tid == tid && (process = container_find(container, noted->pid)))
		return process;
	process = resolve(container, (pid_t)tid, since);
	*noted = process ? (struct noted){.tid = tid, .pid = process->pid} : (struct noted){0};
	return process;
}

void container_take_notes(struct container *container, uint64_t now)
{
	if (dirty_take_overflow(container->listener))
		members_note(container, now);
	if (!container->noted)
		container->noted = calloc(JOURNAL_DIRTY, sizeof(*container->noted));
	if (!container->noted) {
		dirty_set_overflow(container->listener);
		return;
	}
	for (size_t i = 0; i < JOURNAL_DIRTY; i++) {
		uint64_t since, thread = dirty_get(container->listener, i, &since);
		struct tracked *process = NULL;

		if (!thread)
			continue;
		process = find_noted(container, i, dirty_tid(thread), since);
		if (process && process->left_alone <= now)
			pace_note(&process->pace, now);
		else
			dirty_free(container->listener, i, thread);
	}
}

uint64_t container_due(const struct container *container)
{
	uint64_t due = container->watch_next ? container->watch_next : UINT64_MAX;
	uint64_t left_alone = guard_left_alone(container->listener);

	if (container->off)
		return UINT64_MAX;
	for (size_t i = 0; i < container->count; i++)
		if (container->processes[i].pace.due && container->processes[i].pace.due < due)
			due = container->processes[i].pace.due;
	if (container->news)
		due = 0;
	if (due < container->rest_until)
		due = container->rest_until;
	return due < left_alone ? left_alone : due;
}
