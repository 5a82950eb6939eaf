/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoll, which loses nobody where the kernel has no room for one more: all watches of a user count together
 * (fs.epoll.max_user_watches), root's with those of every root in a container without a user namespace. Such a
 * descriptor is asked by poll(2) every 2 ms, until there is room.
 */
#ifndef HOOK_NOTIFY_POLLER_H
#define HOOK_NOTIFY_POLLER_H

#include <stdint.h>
#include <sys/epoll.h>

#include "hook/notify/journal.h"

/* The listeners' indexes, and what else has to be heard of. */
#define POLLER_IDS (JOURNAL_LISTENERS + 3)

struct poller {
	int epoll;
	uint32_t refused; /* so many are asked by poll */
	uint32_t top;	  /* none of them at or above */
	uint32_t next;	  /* the one that is asked first */
	struct {
		int fd; /* + 1, so that memory which is not used stays untouched */
		uint32_t events;
	} asked[POLLER_IDS];
};

/* *p is zero, or was used by the process that has forked this one. 0 or -errno. */
int poller_init(struct poller *p);
void poller_done(struct poller *p);

/*
 * Events (EPOLLIN or 0; EPOLLHUP and EPOLLERR always) of fd, which stays the caller's, are told with that id, of which
 * there is no other. 0; 1: they are, but the kernel had no room; -errno: fd is none that can be waited for.
 */
int poller_add(struct poller *p, uint32_t id, int fd, uint32_t events);
/* Before fd is closed; nothing if it was not added. */
void poller_remove(struct poller *p, uint32_t id, int fd);

/* As epoll_wait(2), with data.u32 = id; may come back earlier than `timeout` (ms, -1: never) with nothing. */
int poller_wait(struct poller *p, struct epoll_event *events, int room, int timeout);

#endif
