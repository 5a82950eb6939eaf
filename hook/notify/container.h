/* SPDX-License-Identifier: Apache-2.0 */
/* What the marker knows of a container. All of it can be lost: the next marker finds it out again. */
#ifndef HOOK_NOTIFY_CONTAINER_H
#define HOOK_NOTIFY_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hook/notify/journal.h"
#include "hook/notify/pace.h"
#include "hook/notify/poller.h"
#include "hook/notify/worker.h"

#define CONTAINER_PROCESSES 16384 /* remembered at most */

/* A process that waits for a look, or that is watched. */
struct tracked {
	pid_t pid;
	uint64_t start_time;
	struct pace pace;
	uint64_t size, faults, program; /* at the last look, see watch.c */
	uint64_t idle;			/* pause after looks that found nothing to do */
	uint64_t left_alone;		/* not before then: it cannot be marked */
	bool outside;			/* in the same cgroup, but without the container's filter */
	bool seen;
};

/* Where a noted thread belongs. */
struct noted {
	uint32_t tid; /* 0: not known */
	pid_t pid;
};

struct container {
	struct journal_listener *listener;
	uint32_t index;
	int fd;			   /* the marker's own copy of the listener */
	pid_t pid;		   /* the first process, 0 if not known yet */
	uint64_t start_time;	   /* of that */
	bool whole;		   /* by PR_SET_MEMORY_MERGE, not region by region */
	bool off;		   /* it was switched off: off.h */
	bool complained;	   /* one line a container is enough */
	struct tracked *processes; /* by pid */
	size_t count, room;
	struct noted *noted; /* of the slots of listener->dirty, NULL until there are any */
	/* watch.c, members.c */
	uint64_t watch_next, watch_until; /* 0: never */
	bool cgroup_known;
	int cgroup; /* its folder, -1: it has none of its own */
	int cpu;    /* the file with its CPU time, or -1 */
	char cpu_text[32];
	/* Others have their turn first, for what the last one took. */
	uint64_t rest_until;
	uint64_t unsynced_until; /* sync.c: calls are only answered until then */
	bool news;		 /* there are notes to be taken over */
};

struct marker {
	struct journal *journal;
	int keeper;
	int switched, off; /* the folder of what was switched, and news of it: off.h */
	uint64_t off_next; /* UINT64_MAX: news come */
	struct worker_wakes wakes;
	unsigned features;
	uint32_t top;	 /* no container at or above */
	size_t unreaped; /* threads that inject_reap waits for */
	struct container *containers[JOURNAL_LISTENERS];
	struct poller poller;
};

struct container *container_new(struct marker *marker, uint32_t index, int fd);
void container_free(struct container *container);
/* One line a container and cause, with its name. */
void container_complain(struct container *container, const struct error *err, const char *what);

/* NULL if it is not remembered. */
struct tracked *container_find(struct container *container, pid_t pid);
/* Finds or adds it; one with another start time is begun anew. NULL: no room. */
struct tracked *container_track(struct container *container, pid_t pid, uint64_t start_time);
void container_forget(struct container *container, struct tracked *process);

/* Takes over what the worker noted: each process gets its time. */
void container_take_notes(struct container *container, uint64_t now);
/* The first process, if it is still the one; looks up what has to be known of it. */
void container_meet_first(struct container *container, pid_t pid);
/* When there is something to do for it; UINT64_MAX: nothing. */
uint64_t container_due(const struct container *container);

#endif
