/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/notify/poller.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define ASK_EVERY 2 /* ms */

int poller_init(struct poller *p)
{
	for (uint32_t id = 0; id < p->top; id++)
		p->asked[id].fd = 0;
	p->refused = p->top = p->next = 0;
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	return p->epoll < 0 ? -errno : 0;
}

void poller_done(struct poller *p)
{
	close(p->epoll);
}

static int watch(const struct poller *p, uint32_t id, int fd, uint32_t events)
{
	struct epoll_event wanted = {.events = events, .data.u32 = id};

	return epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &wanted) < 0 ? -errno : 0;
}

int poller_add(struct poller *p, uint32_t id, int fd, uint32_t events)
{
	int rc = watch(p, id, fd, events);

	if (rc != -ENOSPC && rc != -ENOMEM)
		return rc;
	p->asked[id].fd = fd + 1;
	p->asked[id].events = events;
	p->refused++;
	if (p->top <= id)
		p->top = id + 1;
	return 1;
}

static void ask_no_more(struct poller *p, uint32_t id)
{
	p->asked[id].fd = 0;
	p->refused--;
}

void poller_remove(struct poller *p, uint32_t id, int fd)
{
	if (id < p->top && p->asked[id].fd)
		ask_no_more(p, id);
	else
		epoll_ctl(p->epoll, EPOLL_CTL_DEL, fd, NULL);
}

/* Whoever finds room now is told by epoll. Another one begins each time, so that all come to their turn. */
static int ask(struct poller *p, struct epoll_event *events, int room)
{
	uint32_t first = p->next < p->top ? p->next : 0;
	int found = 0;

	for (uint32_t i = 0; i < p->top && p->refused > 0 && found < room; i++) {
		uint32_t id = (first + i) % p->top;
		struct pollfd one = {.fd = p->asked[id].fd - 1,
				     .events = (short)p->asked[id].events};

		if (one.fd < 0)
			continue;
		p->next = id + 1;
		if (watch(p, id, one.fd, p->asked[id].events) == 0)
			ask_no_more(p, id);
		else if (poll(&one, 1, 0) > 0)
			events[found++] = (struct epoll_event){.events = (uint32_t)one.revents,
							       .data.u32 = id};
	}
	return found;
}

int poller_wait(struct poller *p, struct epoll_event *events, int room, int timeout)
{
	int found = 0, count;

	if (p->refused > 0) {
		/* Some places are for the others. */
		found = ask(p, events, room / 2);
		if (found > 0)
			timeout = 0;
		else if (p->refused > 0 && (timeout < 0 || timeout > ASK_EVERY))
			timeout = ASK_EVERY;
	}
	count = epoll_wait(p->epoll, events + found, room - found, timeout);
	return count > 0 ? found + count : found;
}
