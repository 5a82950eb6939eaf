/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to the keeper's socket, until each has said what it wants: many at once, none is waited for. */
#ifndef HOOK_NOTIFY_CONNECTIONS_H
#define HOOK_NOTIFY_CONNECTIONS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci-config/process_state.h"

#define CONNECTIONS_MAX	     512
#define CONNECTIONS_MEMORY   (8u << 20) /* all messages that are not complete yet, together */
#define CONNECTIONS_PATIENCE 10000	/* ms without a complete message */

struct keeper;

struct connection {
	bool open;
	bool waits; /* for a free place in the journal: its message stays in the socket */
	bool asked; /* for an upgrade, and will be answered: nothing more is read */
	int fd;
	int polled; /* where in the caller's pollfds, -1: not there */
	pid_t pid;
	int64_t deadline;
	char *text;
	size_t len, room;
	struct {
		size_t at;
		unsigned depth;
		bool string, escaped;
	} scan;
	int fds[OCFG_PROCESS_STATE_FDS];
	size_t count;
};

struct connections {
	unsigned max; /* below CONNECTIONS_MAX: there is always one place more */
	int socket_polled;
	unsigned top; /* no place from here on is in use */
	size_t bytes; /* `room` of all */
	struct connection list[CONNECTIONS_MAX];
};

/* What to poll for; returns how many were added. At most CONNECTIONS_MAX + 1. */
size_t connections_poll(struct keeper *k, struct pollfd *ret, size_t at);
/* Reads, accepts, and gives up those that took too long. */
void connections_serve(struct keeper *k, const struct pollfd *polls);
/* When connections_serve has something to do though nothing comes; INT64_MAX: never. */
int64_t connections_deadline(const struct keeper *k);
/* A listener is gone: there is place for one that waits. */
void connections_wake(struct keeper *k);
/* One that a predecessor accepted and has not read from. */
void connections_adopt(struct keeper *k, int fd);
/* Is none in the middle of a message? */
bool connections_are_at_rest(const struct keeper *k);
/* {"oci-ksm":"error","message":...} or another line; the connection is closed. */
void connection_answer(struct keeper *k, struct connection *c, const char *line, size_t len);
void connection_fail(struct keeper *k, struct connection *c, const char *message);
/* In a child: closes all, and nothing else. */
void connections_forget(struct keeper *k);

#endif
