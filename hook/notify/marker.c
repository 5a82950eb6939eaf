/* SPDX-License-Identifier: Apache-2.0 */
/* The marker: looks at the processes that were noted, when it is time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hook/common/log.h"
#include "hook/common/notify_socket.h"
#include "hook/inject/inject.h"
#include "hook/notify/answer.h"
#include "hook/notify/container.h"
#include "hook/notify/dirty.h"
#include "hook/notify/guard.h"
#include "hook/notify/look.h"
#include "hook/notify/marker.h"
#include "hook/notify/off.h"
#include "hook/notify/serve.h"
#include "hook/notify/watch.h"

/* What epoll tells of besides the containers' indexes. */
enum { EVENT_KEEPER = JOURNAL_LISTENERS, EVENT_WAKE, EVENT_OFF };
#define EVENTS	64
#define REAP_MS 20
/* Marks are promised within a second, on a busy machine, too; pace.h sees to it that this is no burden. */
#define MARKER_NICE (-5)
/* An exec session's process joins its container's at about the time its listener comes. */
#define SESSION_WATCH (3000 * PACE_MS)
/* No container gets more than a quarter of the marker's time, however many processes it has, or stands still in them. */
#define REST 3
/* A call with sync is to be held up for less; if it takes more, the following ones are not held up for a while. */
#define SYNC_COST (20 * PACE_MS)

static void drop(struct marker *marker, uint32_t index)
{
	struct container *container = marker->containers[index];

	if (!container)
		return;
	marker->containers[index] = NULL;
	poller_remove(&marker->poller, index, container->fd);
	container_free(container);
}

/* Exec sessions are told without a pid by some runtimes: what is new in their container is looked for. */
static void watch_session(struct marker *marker, const struct container *session, uint64_t now)
{
	for (uint32_t i = 0; i < marker->top; i++) {
		struct container *container = marker->containers[i];

		if (container && container != session && container->pid &&
		    !strcmp(container->listener->id, session->listener->id))
			watch_begin(container, now, now + SESSION_WATCH);
	}
}

/* `again`: a predecessor had it, and what that knew of its processes is lost. */
static void begin(struct marker *marker, struct container *container, bool again)
{
	struct journal_listener *listener = container->listener;
	uint64_t now = answer_now();
	struct tracked *process = NULL;

	if (listener->pid)
		container_meet_first(container, listener->pid);
	if (container->pid)
		process = container_track(container, container->pid, container->start_time);
	if (process && container->whole && !container->off && guard_left_alone(listener) <= now) {
		guard_begin(marker->journal, container->index);
		look(marker, container, process, NULL);
		guard_end(marker->journal);
	}
	watch_begin(container, now, 0);
	if (again && container->watch_next)
		container->watch_next = now;
	if (!listener->pid)
		watch_session(marker, container, now);
	dirty_tell(marker->journal, container->index);
}

static void add(struct marker *marker, uint32_t index, int fd, bool again)
{
	struct container *container;

	drop(marker, index);
	container = container_new(marker, index, fd);
	if (!container) {
		/* Somebody may wait for us: the next one tries it again. */
		log_line(LOG_LEVEL_ERROR, "marker: no memory for another container");
		_exit(1);
	}
	/* No event but its end, which is always told; the worker says it if that is none to be waited for. */
	poller_add(&marker->poller, index, fd, 0);
	marker->containers[index] = container;
	if (marker->top <= index)
		marker->top = index + 1;
	off_learn(marker, container);
	begin(marker, container, again);
}

/* 0: goes on; -1: the keeper is gone. */
static int hear_keeper(struct marker *marker)
{
	struct worker_message message;
	int fd = -1;
	size_t count = 1;
	ssize_t len = socket_receive(marker->keeper, &message, sizeof(message), &fd, &count);

	if (len == -EINTR || len == -EAGAIN)
		return 0;
	if (len <= 0)
		return -1;
	if (len == sizeof(message) && count == 1 && message.index < JOURNAL_LISTENERS)
		add(marker, message.index, fd, false);
	else if (count == 1)
		close(fd);
	return 0;
}

static void serve_sync(struct marker *marker, struct container *container)
{
	uint64_t begin = answer_now(), cost;

	guard_begin(marker->journal, container->index);
	sync_serve(marker, container);
	guard_end(marker->journal);
	cost = answer_now() - begin;
	if (cost > SYNC_COST)
		container->unsynced_until = begin + cost + cost * REST;
}

/* Somebody waits for those with sync. Each once: there may always be more of the same. */
static void take_news(struct marker *marker)
{
	int64_t index = -1;

	while ((index = dirty_next_told(marker->journal, (uint32_t)(index + 1))) >= 0) {
		struct container *container = marker->containers[index];

		if (!container)
			continue;
		serve_sync(marker, container);
		container->news = true;
	}
}

static void do_something(struct marker *marker, struct container *container, uint64_t now)
{
	if (container->news)
		container_take_notes(container, now);
	container->news = false;
	if (container->watch_next && container->watch_next <= now)
		watch_tick(container, now);
	for (size_t i = 0; i < container->count; i++) {
		struct tracked *process = &container->processes[i];

		if (process->pace.due && process->pace.due <= now) {
			look(marker, container, process, NULL);
			container_take_notes(container, answer_now());
			return;
		}
	}
}

/* The first thing of this container that is due. One, so that all take turns. */
static void take_turn(struct marker *marker, struct container *container)
{
	uint64_t begin = answer_now(), end;

	guard_begin(marker->journal, container->index);
	do_something(marker, container, begin);
	guard_end(marker->journal);
	end = answer_now();
	container->rest_until = end + (end - begin) * REST;
}

/* Returns when something is to be done next. */
static uint64_t take_turns(struct marker *marker)
{
	uint64_t now = answer_now(), next = UINT64_MAX;

	for (uint32_t i = 0; i < marker->top; i++) {
		struct container *container = marker->containers[i];
		uint64_t due;

		if (!container)
			continue;
		due = container_due(container);
		if (due <= now) {
			take_turn(marker, container);
			due = container_due(container);
		}
		if (due < next)
			next = due;
	}
	return next;
}

static int timeout_until(const struct marker *marker, uint64_t next)
{
	uint64_t now = answer_now();
	uint64_t most = marker->unreaped ? REAP_MS : 60000;
	uint64_t ms;

	if (marker->off_next < next)
		next = marker->off_next;
	if (next == UINT64_MAX)
		return marker->unreaped ? REAP_MS : -1;
	ms = next > now ? (next - now + PACE_MS - 1) / PACE_MS : 0;
	return (int)(ms < most ? ms : most);
}

static int round_of_events(struct marker *marker, int timeout)
{
	struct epoll_event events[EVENTS];
	int count = poller_wait(&marker->poller, events, EVENTS, timeout);
	bool keeper = false;
	uint64_t counter;

	for (int i = 0; i < count; i++) {
		if (events[i].data.u32 == EVENT_KEEPER)
			keeper = true;
		else if (events[i].data.u32 == EVENT_OFF)
			off_take_news(marker);
		else if (events[i].data.u32 != EVENT_WAKE && events[i].events & EPOLLHUP)
			drop(marker, events[i].data.u32);
		else if (events[i].data.u32 != EVENT_WAKE)
			continue;
		else if (read(marker->wakes.marker, &counter, sizeof(counter)) < 0)
			continue;
	}
	/* Last: it exchanges descriptors, and no event above is of an older one then. */
	return keeper ? hear_keeper(marker) : 0;
}

static int watch_all(struct marker *marker)
{
	int rc = poller_init(&marker->poller);

	if (rc == 0)
		rc = poller_add(&marker->poller, EVENT_KEEPER, marker->keeper, EPOLLIN);
	if (rc >= 0)
		rc = poller_add(&marker->poller, EVENT_WAKE, marker->wakes.marker, EPOLLIN);
	return rc;
}

static void ask_off(struct marker *marker)
{
	if (off_ask(marker, answer_now()))
		poller_add(&marker->poller, EVENT_OFF, marker->off, EPOLLIN);
}

static void take_all_over(struct marker *marker)
{
	for (uint32_t i = 0; i < marker->journal->top && i < JOURNAL_LISTENERS; i++) {
		int fd = journal_fd_since_fork(marker->journal, i, marker->wakes.serial);

		if (fd >= 0)
			add(marker, i, fd, true);
	}
}

void marker_run(struct journal *journal, int keeper, const struct worker_wakes *wakes,
		unsigned features, int switched)
{
	static struct marker marker; /* most of it is never touched */
	uint64_t next;
	int rc;

	marker.journal = journal;
	marker.keeper = keeper;
	marker.wakes = *wakes;
	marker.features = features;
	marker.switched = switched;
	marker.off = -1;
	marker.off_next = switched >= 0 ? 0 : UINT64_MAX;
	setpriority(PRIO_PROCESS, 0, MARKER_NICE);
	guard_start(journal);
	rc = watch_all(&marker);
	if (rc < 0) {
		log_line(LOG_LEVEL_ERROR, "marker: epoll: %s", strerror(-rc));
		_exit(1);
	}
	ask_off(&marker);
	take_all_over(&marker);
	do {
		ask_off(&marker);
		take_news(&marker);
		next = take_turns(&marker);
		marker.unreaped = inject_reap();
	} while (round_of_events(&marker, timeout_until(&marker, next)) == 0);
}
