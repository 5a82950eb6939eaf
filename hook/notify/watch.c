/* SPDX-License-Identifier: Apache-2.0 */
/* Finding what no notification tells. */
#include <errno.h>

#include "hook/mark/process.h"
#include "hook/notify/members.h"
#include "hook/notify/watch.h"
#include "oci-config/cleanup.h"

/*
 * A process that has only touched memory may have made a reservation writable, or have given back and got the same
 * amount. That is rare, and touching memory is not: looks which find nothing become seldom. If each look has to stop it
 * (sweep.c: bytes of RSS), they are so from the beginning.
 */
#define LARGE (UINT64_C(256) << 20)

/* All at the same time: one wake-up for all containers. */
static uint64_t next_tick(uint64_t now)
{
	return (now / WATCH_EVERY + 1) * WATCH_EVERY;
}

void watch_begin(struct container *container, uint64_t now, uint64_t until)
{
	if (container->whole && !until)
		return;
	container->watch_until = until;
	if (!container->watch_next)
		container->watch_next = next_tick(now);
}

static bool needs_look(const struct tracked *process, const struct process_stat *stat, uint64_t now)
{
	uint64_t pause = stat->rss <= LARGE ? process->idle : PACE_IDLE;

	if (!process->faults || stat->size > process->size || stat->program != process->program)
		return true;
	return stat->faults != process->faults && now >= process->pace.last + pause;
}

struct tick {
	struct container *container;
	uint64_t now;
};

static bool look_at(pid_t pid, void *data)
{
	struct tick *tick = data;
	cleanup_close int dir = -1;
	struct tracked *process = members_track(tick->container, pid, &dir);
	struct process_stat stat;
	bool wanted;

	if (!process || process->left_alone > tick->now || process_stat(dir, &stat) < 0)
		return true;
	wanted = needs_look(process, &stat, tick->now);
	process->size = stat.size;
	process->program = stat.program;
	if (!wanted)
		return true;
	process->faults = stat.faults ? stat.faults : 1;
	pace_note(&process->pace, tick->now);
	return true;
}

void watch_tick(struct container *container, uint64_t now)
{
	struct tick tick = {.container = container, .now = now};

	container->watch_next = next_tick(now);
	if (container->whole && now > container->watch_until)
		container->watch_next = 0;
	if (!members_were_active(container))
		return;
	for (size_t i = 0; i < container->count; i++)
		container->processes[i].seen = false;
	members_list(container, look_at, &tick);
	for (size_t i = container->count; i-- > 0;)
		if (!container->processes[i].seen && !container->processes[i].pace.due)
			container_forget(container, &container->processes[i]);
}
