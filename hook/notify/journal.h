/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeper and worker know, in memory that outlives each of them (a memfd): the listeners, the
 * notifications that are received and not answered, the threads that are to be looked after.
 */
#ifndef HOOK_NOTIFY_JOURNAL_H
#define HOOK_NOTIFY_JOURNAL_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci-config/error.h"
#include "oci-config/notify.h"
#include "oci-config/state.h"

#define JOURNAL_VERSION 1
#define JOURNAL_LISTENERS \
	4096 /* containers and exec sessions at one time; pages are used when touched */
#define JOURNAL_DIRTY 256 /* threads of one listener that wait for the marker */

/*
 * A thread whose process is to be looked at. Written by the worker before it answers, freed when all has
 * been done: whoever dies in between leaves it to the next.
 */
struct journal_dirty {
	uint32_t tid; /* 0: free; written last */
	uint32_t flags;
	uint64_t
		since; /* CLOCK_BOOTTIME, ns: a process that began later is another with the same number */
};

/* One listener: a container, or an exec session of one. Only the keeper writes what stands before in_flight. */
struct journal_listener {
	uint32_t held; /* 1: the rest is valid. Written last, cleared first */
	int32_t fd;    /* the notify fd's number in the keeper and in a worker that it forks */
	pid_t pid;     /* the first process, 0 if not known */
	uint64_t start_time;
	char id[OCFG_ID_MAX + 1];
	struct ocfg_notify notify;
	/*
	 * The kernel itself writes here (SECCOMP_IOCTL_NOTIF_RECV), so what was received is known even if
	 * the worker dies that very moment. pid 0: nothing. Cleared after the answer.
	 */
	struct seccomp_notif in_flight[2];
	struct journal_dirty dirty[JOURNAL_DIRTY];
	uint64_t calls, sweeps,
		marked; /* notifications answered, looks at a process, regions marked */
};

struct journal {
	uint32_t version;
	uint32_t listeners;   /* JOURNAL_LISTENERS of who made it */
	uint32_t size_of_one; /* sizeof(struct journal_listener) of who made it */
	struct journal_listener listener[JOURNAL_LISTENERS];
};

/* Makes the memory; *ret_fd is its memfd. Or maps what a predecessor left: -EPROTO if that is of another layout. */
int journal_new(struct journal **ret, int *ret_fd, struct error *err);
int journal_map(int fd, struct journal **ret, struct error *err);

#endif
