/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper: the process of oci-ksmd that holds the seccomp listeners. It takes connections, starts worker,
 * marker and steward again when they end, and does nothing that could block or crash.
 */
#ifndef HOOK_NOTIFY_KEEPER_H
#define HOOK_NOTIFY_KEEPER_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "hook/notify/connections.h"
#include "hook/notify/handover.h"
#include "hook/notify/journal.h"
#include "hook/notify/limit.h"
#include "hook/notify/worker.h"

enum child_role { CHILD_WORKER, CHILD_MARKER, CHILD_STEWARD, CHILDREN };

struct keeper_child {
	pid_t pid;	 /* 0: there is none */
	int fd;		 /* our end of its socket, -1 once it has been closed */
	int64_t kill_at; /* it was told to end and has time until then; 0: it was not */
	struct limit starts;
	unsigned untold_count;
	uint64_t untold[JOURNAL_LISTENERS / 64]; /* listeners that it has yet to be told of */
};

/* An upgrade that somebody asked for: the new program is tried out before it gets anything. */
struct keeper_replacement {
	int program; /* -1: none is under way */
	struct connection *asked_by;
	pid_t check; /* the trial, 0 when it has ended well */
	int output;
	char verdict[128];
	size_t len;
	int64_t deadline;
};

struct keeper {
	bool sync;   /* treat every container as if it had asked for it */
	bool once;   /* end with the last listener */
	bool ending; /* as soon as nothing is held any more */
	bool ended;
	char **argv;	/* for a program that replaces this one */
	char path[108]; /* the socket that we made, "" if it was given to us */
	dev_t path_dev; /* its file: another oci-ksmd may have made one there since */
	ino_t path_ino;
	unsigned features; /* enum probe */
	int nice;	   /* the worker changes its own */
	int switched;	   /* for the marker: the folder of what was switched, or -1 */

	int socket; /* where we listen */
	int signals;
	struct journal *journal;
	int journal_fd;
	struct worker_wakes wakes;
	struct keeper_child children[CHILDREN];
	uint32_t capacity, held;
	int64_t idle_until; /* `once`: somebody has to come until then */
	struct connections connections;
	struct keeper_replacement replacement;
	struct limit complaints, events;
};

/* Before anything else: limits, signals, no children, no connections. */
int keeper_init(struct keeper *k, struct error *err);
/* Serves until it is told to end, or never returns: exec. Whatever is held is in the journal already. */
void keeper_run(struct keeper *k);
/* The socket at `path` is one that we made. */
void keeper_own_path(struct keeper *k, const char *path);
/* After keeper_run: removes the socket's file if we made it. */
void keeper_done(const struct keeper *k);
/* In a worker whose keeper is gone. */
_Noreturn void keeper_take_over(struct keeper *k);
int64_t keeper_now(void); /* ms, CLOCK_MONOTONIC */
/* A line about what somebody else did wrong; not more than a few a second. */
void keeper_complain(struct keeper *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A line about a container that comes or goes; as few. None for `once`: who started that knows. */
void keeper_tell(struct keeper *k, const char *id, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
