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
 * A thread whose process is to be looked at. The worker notes it before it answers, the marker frees it when
 * all has been done: whoever dies in between leaves it to the next. hook/notify/dirty.h.
 */
struct journal_dirty {
	uint64_t
		thread; /* low half: tid, 0 is free; high half: how often it was noted. Changes atomically */
	uint64_t
		since; /* CLOCK_BOOTTIME, ns: a process that began later is another with the same number */
};

/* Room for what a newer kernel may write behind the members that are known today. */
union journal_notif {
	struct seccomp_notif notif;
	unsigned char room[128];
};

/* One listener: a container, or an exec session of one. Only the keeper writes what stands before in_flight. */
struct journal_listener {
	uint32_t held;	 /* 1: the rest is valid. Written last, cleared first */
	int32_t fd;	 /* the notify fd's number in the keeper and in a worker that it forks */
	uint32_t serial; /* each listener has another one; those that come later a higher one */
	pid_t pid;	 /* the first process, 0 if not known */
	uint64_t start_time;
	char id[OCFG_ID_MAX + 1];
	struct ocfg_notify notify;
	/*
	 * The kernel itself writes here (SECCOMP_IOCTL_NOTIF_RECV), so what was received is known even if
	 * the worker dies that very moment. id 0: nothing. Cleared after the answer. The second one is the
	 * marker's while it holds the thread of the first.
	 */
	union journal_notif in_flight[2];
	uint32_t sync; /* notify.sync: whose turn it is, the worker's or the marker's (sync.h) */
	uint32_t
		overflow; /* `dirty` was full: all processes of the container are to be looked at */
	uint32_t
		filters; /* seccomp filters of the first process when the marker saw it first; 0: not yet */
	struct journal_dirty dirty[JOURNAL_DIRTY];
	uint64_t calls, sweeps,
		marked; /* notifications answered, looks at a process, regions or processes marked */
	uint64_t left_alone; /* guard.h; by the marker, which it has held up `hung` times */
	uint32_t hung;
};

struct journal {
	uint32_t version;
	uint32_t listeners;	  /* JOURNAL_LISTENERS of who made it */
	uint32_t size_of_one;	  /* sizeof(struct journal_listener) of who made it */
	uint32_t offset_of_first; /* offsetof(struct journal, listener) of who made it */
	pid_t marker;		  /* for a worker that becomes keeper: whom it has to wait for */
	uint64_t marker_start_time;
	/*
	 * No listener from this index on was ever held: who looks for held ones stops here, for even reading
	 * makes pages. The keeper takes the lowest free index, and writes this before `held`.
	 */
	uint32_t top;
	/* What the marker is busy with: index + 1 of the listener, in the high half its serial; 0: nothing. guard.h. */
	uint64_t busy_with, busy_since;
	uint64_t pending[JOURNAL_LISTENERS /
			 64]; /* a bit a listener: there is news for the marker */
	struct journal_listener listener[JOURNAL_LISTENERS];
};

/* Makes the memory; *ret_fd is its memfd. Or maps what a predecessor left: -EPROTO if that is of another layout. */
int journal_new(struct journal **ret, int *ret_fd, struct error *err);
int journal_map(int fd, struct journal **ret, struct error *err);
/*
 * In a process that the keeper forked: the descriptor of that listener, if it was held at the fork, when `serial` was
 * the highest; else -1. The keeper does not wait until this is looked at: what came since then has a
 * number that means another file here, or none.
 */
int journal_fd_since_fork(const struct journal *journal, uint32_t index, uint32_t serial);
/*
 * One of another layout, but the same JOURNAL_VERSION: that version stands for what an entry begins with (up
 * to `dirty`), so append only behind it, or raise it. Can it be converted? Makes a new one of ours.
 * Nobody may write to the old one meanwhile.
 */
int journal_check(int fd, struct error *err);
int journal_convert(int fd, struct journal **ret, int *ret_fd, struct error *err);

#endif
