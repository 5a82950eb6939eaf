/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to the keeper's socket, until each has said what it wants: many at once, none is waited for. */
#include "hook/notify/connections.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hook/common/log.h"
#include "hook/common/notify_socket.h"
#include "hook/notify/keeper.h"
#include "hook/notify/listeners.h"
#include "hook/notify/requests.h"

#define FIRST_ROOM    2048
#define ACCEPT_BURST  64
#define REQUEST_BEGIN "{\"oci-ksm\""

static void close_connection(struct keeper *k, struct connection *c)
{
	struct connections *all = &k->connections;

	close(c->fd);
	for (size_t i = 0; i < c->count; i++)
		close(c->fds[i]);
	free(c->text);
	all->bytes -= c->room;
	*c = (struct connection){0};
	while (all->top > 0 && !all->list[all->top - 1].open)
		all->top--;
}

void connection_answer(struct keeper *k, struct connection *c, const char *line, size_t len)
{
	/* Whoever does not read what he asked for gets nothing. */
	(void)!send(c->fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	close_connection(k, c);
}

/* The message is complete, or `trouble` says why it never will be. A listener is kept in any case. */
static void conclude(struct keeper *k, struct connection *c, const char *trouble)
{
	if (!trouble && c->len >= strlen(REQUEST_BEGIN) &&
	    memcmp(c->text, REQUEST_BEGIN, strlen(REQUEST_BEGIN)) == 0) {
		requests_answer(k, c);
		return;
	}
	if (c->count > 0) {
		listeners_receive(k, c, trouble);
		c->count = 0;
	} else if (c->len > 0 || trouble) {
		keeper_complain(k, "process %d sent %zu bytes and no descriptor: %s", c->pid,
				c->len, trouble ? trouble : "ignored");
	}
	close_connection(k, c);
}

/* Has the outermost object ended? 1: yes, 0: not yet, -1: this is none. Looks at each byte once. */
static int scan(struct connection *c)
{
	for (; c->scan.at < c->len; c->scan.at++) {
		char byte = c->text[c->scan.at];

		if (c->scan.escaped) {
			c->scan.escaped = false;
		} else if (c->scan.string) {
			c->scan.escaped = byte == '\\';
			c->scan.string = byte != '"';
		} else if (byte == '{') {
			c->scan.depth++;
		} else if (c->scan.depth == 0) {
			if (!strchr(" \t\r\n", byte) || byte == '\0')
				return -1;
		} else if (byte == '"') {
			c->scan.string = true;
		} else if (byte == '}' && --c->scan.depth == 0) {
			return 1;
		}
	}
	return 0;
}

/* Place for more of the message; what is wrong if there is none. */
static const char *grow(struct keeper *k, struct connection *c)
{
	size_t more = c->room ? c->room : FIRST_ROOM;
	char *text;

	if (c->len < c->room)
		return NULL;
	if (c->room + more > OCFG_PROCESS_STATE_MAX)
		return "the message is too long";
	if (k->connections.bytes + more > CONNECTIONS_MEMORY)
		return "too many long messages at once";
	text = realloc(c->text, c->room + more);
	if (!text)
		return "out of memory";
	c->text = text;
	c->room += more;
	k->connections.bytes += more;
	return NULL;
}

static bool places_are_taken(const struct keeper *k)
{
	uint32_t left = k->capacity - k->held;

	if (left > k->connections.top)
		return false;
	for (unsigned i = 0; i < k->connections.top; i++)
		left -= k->connections.list[i].count > 0 && left > 0;
	return left == 0;
}

/*
 * There is no place for the listener that may come with the message: it is better left in the socket, where the
 * listener lives on and its container waits. Other requests are answered all the same.
 */
static bool has_to_wait(const struct keeper *k, const struct connection *c)
{
	char begin[sizeof(REQUEST_BEGIN) - 1];
	ssize_t n;

	if (c->len > 0 || !places_are_taken(k))
		return false;
	n = recv(c->fd, begin, sizeof(begin), MSG_PEEK | MSG_DONTWAIT);
	return n > 0 &&
	       (n < (ssize_t)sizeof(begin) || memcmp(begin, REQUEST_BEGIN, sizeof(begin)) != 0);
}

enum received { RECEIVED_SOME, RECEIVED_ALL_FOR_NOW, RECEIVED_END };

/* *ret_trouble: what is wrong with the connection. */
static enum received receive(struct keeper *k, struct connection *c, const char **ret_trouble)
{
	size_t came = OCFG_PROCESS_STATE_FDS - c->count;
	ssize_t n;

	*ret_trouble = grow(k, c);
	if (*ret_trouble)
		return RECEIVED_SOME;
	n = socket_receive(c->fd, c->text + c->len, c->room - c->len, c->fds + c->count, &came);
	if (n == -EAGAIN)
		return RECEIVED_ALL_FOR_NOW;
	if (n == 0 || n == -ECONNRESET)
		return RECEIVED_END;
	if (n < 0) {
		*ret_trouble = n == -ETOOMANYREFS ? "too many descriptors came" : strerror((int)-n);
		return RECEIVED_SOME;
	}
	c->count += came;
	c->len += (size_t)n;
	return RECEIVED_SOME;
}

static void read_connection(struct keeper *k, struct connection *c)
{
	const char *trouble = NULL;
	enum received received = RECEIVED_SOME;
	int found = 0;

	if (has_to_wait(k, c)) {
		c->waits = true;
		keeper_complain(k, "all %u places are taken: process %d has to wait", k->capacity,
				c->pid);
		return;
	}
	while (received == RECEIVED_SOME && !trouble && found == 0) {
		received = receive(k, c, &trouble);
		found = scan(c);
	}
	/* A look at whether somebody listens says nothing. */
	if (received == RECEIVED_END && c->len == 0)
		close_connection(k, c);
	else if (received == RECEIVED_END)
		conclude(k, c, "the connection ended in the middle of the message");
	else if (trouble || found != 0)
		conclude(k, c, found < 0 ? "this is not JSON" : trouble);
}

static bool is_silent(const struct connection *c)
{
	return c->open && c->len == 0 && !c->waits && !c->asked;
}

static struct connection *oldest_silent(struct connections *all)
{
	struct connection *oldest = NULL;

	for (unsigned i = 0; i < all->top; i++) {
		struct connection *c = &all->list[i];

		if (is_silent(c) && (!oldest || c->deadline < oldest->deadline))
			oldest = c;
	}
	return oldest;
}

/* There is room for one more, or somebody who can be sent away for it. */
static bool has_room(const struct connections *all)
{
	for (unsigned i = 0; i < all->max; i++)
		if (i >= all->top || !all->list[i].open || is_silent(&all->list[i]))
			return true;
	return false;
}

/* A place for one more; NULL: all are in the middle of a message. */
static struct connection *find_place(struct keeper *k)
{
	struct connections *all = &k->connections;
	struct connection *oldest;
	unsigned i = 0;

	while (i < all->top && all->list[i].open)
		i++;
	oldest = i >= all->max ? oldest_silent(all) : NULL;
	if (oldest) {
		read_connection(k, oldest); /* it may have spoken just now */
		if (oldest->open && is_silent(oldest)) {
			keeper_complain(k,
					"too many connections: dropping a silent one of process %d",
					oldest->pid);
			close_connection(k, oldest);
		}
		return oldest->open ? find_place(k) : oldest;
	}
	return i < CONNECTIONS_MAX ? &all->list[i] : NULL;
}

static bool is_allowed(struct keeper *k, int fd, struct ucred *peer)
{
	socklen_t size = sizeof(*peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &size) < 0)
		return false;
	if (peer->uid == 0 || peer->uid == geteuid())
		return true;
	keeper_complain(k, "refusing a connection of user %u, process %d: it is not for everybody",
			peer->uid, peer->pid);
	return false;
}

static void add(struct keeper *k, struct connection *place, int fd, pid_t pid)
{
	struct connections *all = &k->connections;
	unsigned end = (unsigned)(place - all->list) + 1;

	all->top = end > all->top ? end : all->top;
	*place = (struct connection){.open = true,
				     .fd = fd,
				     .polled = -1,
				     .pid = pid,
				     .deadline = keeper_now() + CONNECTIONS_PATIENCE};
}

static void take_connection(struct keeper *k, int fd, bool read_now)
{
	struct connection *place;
	struct ucred peer;

	if (!is_allowed(k, fd, &peer)) {
		close(fd);
		return;
	}
	place = find_place(k);
	if (!place) {
		keeper_complain(k, "too many half messages: refusing process %d", peer.pid);
		close(fd);
		return;
	}
	add(k, place, fd, peer.pid);
	if (read_now)
		read_connection(k, place);
}

static void accept_some(struct keeper *k)
{
	for (int i = 0; i < ACCEPT_BURST && has_room(&k->connections); i++) {
		int fd = accept4(k->socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		take_connection(k, fd, true);
	}
}

void connections_adopt(struct keeper *k, int fd)
{
	take_connection(k, fd, false);
}

size_t connections_poll(struct keeper *k, struct pollfd *ret, size_t at)
{
	struct connections *all = &k->connections;
	size_t count = 0;

	for (unsigned i = 0; i < all->top; i++) {
		struct connection *c = &all->list[i];

		c->polled = -1;
		if (!c->open || c->waits || c->asked)
			continue;
		c->polled = (int)(at + count);
		ret[at + count++] = (struct pollfd){.fd = c->fd, .events = POLLIN};
	}
	all->socket_polled = -1;
	if (has_room(all)) {
		all->socket_polled = (int)(at + count);
		ret[at + count++] = (struct pollfd){.fd = k->socket, .events = POLLIN};
	}
	return count;
}

void connections_serve(struct keeper *k, const struct pollfd *polls)
{
	struct connections *all = &k->connections;
	int64_t now = keeper_now();

	for (unsigned i = 0; i < all->top; i++) {
		struct connection *c = &all->list[i];
		int polled = c->polled;

		c->polled = -1;
		if (c->open && polled >= 0 && polls[polled].revents)
			read_connection(k, c);
		if (c->open && !c->waits && !c->asked && c->deadline <= now)
			conclude(k, c, "it said no more for too long");
	}
	if (all->socket_polled >= 0 && polls[all->socket_polled].revents)
		accept_some(k);
}

int64_t connections_deadline(const struct keeper *k)
{
	int64_t deadline = INT64_MAX;

	for (unsigned i = 0; i < k->connections.top; i++) {
		const struct connection *c = &k->connections.list[i];

		if (c->open && !c->waits && !c->asked && c->deadline < deadline)
			deadline = c->deadline;
	}
	return deadline;
}

void connections_wake(struct keeper *k)
{
	for (unsigned i = 0; i < k->connections.top; i++)
		k->connections.list[i].waits = false;
}

bool connections_are_at_rest(const struct keeper *k)
{
	for (unsigned i = 0; i < k->connections.top; i++) {
		const struct connection *c = &k->connections.list[i];

		if (c->open && !c->asked && c->len > 0)
			return false;
	}
	return true;
}

void connections_forget(struct keeper *k)
{
	while (k->connections.top > 0)
		close_connection(k, &k->connections.list[k->connections.top - 1]);
}
