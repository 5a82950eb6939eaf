/* SPDX-License-Identifier: Apache-2.0 */
/* The worker: answers the notifications of all containers, and does nothing else. */
#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hook/common/log.h"
#include "hook/common/notify_socket.h"
#include "hook/common/probe.h"
#include "hook/notify/answer.h"
#include "hook/notify/dirty.h"
#include "hook/notify/handoff.h"
#include "hook/notify/poller.h"
#include "hook/notify/sync.h"
#include "hook/notify/worker.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

/* What epoll tells of besides the listeners' indexes. */
enum { EVENT_KEEPER = JOURNAL_LISTENERS, EVENT_WAKE };
#define EVENTS 64 /* in one round */
/* Somebody waits for each answer; the work is some us. */
#define WORKER_NICE (-10)

struct worker {
	struct journal *journal;
	int keeper;
	struct worker_wakes wakes;
	unsigned features;
	bool tell;	 /* the marker has to be woken */
	bool complained; /* of the kernel's room for watches */
	struct handoff handoff;
};

/* Descriptor + 1, so that memory which is not used stays untouched. One worker a process. */
static int fds[JOURNAL_LISTENERS];
static struct poller poller;

int worker_fd(uint32_t index)
{
	return index < JOURNAL_LISTENERS ? fds[index] - 1 : -1;
}

/* Closing is not enough to leave epoll: the keeper holds the same open file. */
static void forget_fd(uint32_t index)
{
	if (!fds[index])
		return;
	poller_remove(&poller, index, worker_fd(index));
	close(worker_fd(index));
	fds[index] = 0;
}

static void log_trouble(const struct journal_listener *listener, const char *what, int rc)
{
	log_container(listener->id);
	log_line(LOG_LEVEL_ERROR, "%s: %s", what, strerror(-rc));
	log_container("");
}

static void tell_marker(struct worker *worker, uint32_t index)
{
	dirty_tell(worker->journal, index);
	worker->tell = true;
}

/* Nobody uses the filter any more, or it is no listener at all. */
static void drop(struct worker *worker, uint32_t index)
{
	struct keeper_message message = {.index = index,
					 .serial = worker->journal->listener[index].serial};

	if (!fds[index])
		return;
	forget_fd(index);
	while (send(worker->keeper, &message, sizeof(message), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

/* No listener is lost for want of room; one that cannot be waited for is none. */
static int watch(struct worker *worker, uint32_t index)
{
	const struct journal_listener *listener = &worker->journal->listener[index];
	int rc = poller_add(&poller, index, worker_fd(index), EPOLLIN);

	if (rc < 0) {
		log_trouble(listener, "watch the seccomp listener", rc);
		drop(worker, index);
	} else if (rc > 0 && !worker->complained) {
		worker->complained = true;
		log_container(listener->id);
		log_line(LOG_LEVEL_WARNING,
			 "the kernel has no room for another watch (fs.epoll.max_user_watches): "
			 "answers take some ms until it has");
		log_container("");
	}
	return rc;
}

/* The marker gives it back with BACK: it is in epoll only while it is the worker's turn. */
static void hand_over(struct worker *worker, uint32_t index)
{
	poller_remove(&poller, index, worker_fd(index));
	sync_hand_over(&worker->journal->listener[index]);
	tell_marker(worker, index);
}

/* Answers one notification, so that a container that floods takes turns with the others. */
static void serve(struct worker *worker, uint32_t index)
{
	struct journal_listener *listener = &worker->journal->listener[index];
	union journal_notif *slot = &listener->in_flight[0];
	int rc = answer_receive(worker_fd(index), slot);
	uint32_t tid;

	if (rc < 0) {
		log_trouble(listener, "receive a seccomp notification", rc);
		drop(worker, index);
	}
	if (rc <= 0)
		return;
	__atomic_fetch_add(&listener->calls, 1, __ATOMIC_RELAXED);
	if (listener->notify.sync) {
		hand_over(worker, index);
		return;
	}
	tid = slot->notif.pid;
	if (answer_note(listener, slot))
		tell_marker(worker, index);
	answer_continue(worker_fd(index), slot);
	handoff_note(&worker->handoff, tid);
}

static void recover(struct worker *worker, uint32_t index)
{
	struct journal_listener *listener = &worker->journal->listener[index];
	union journal_notif *slot = &listener->in_flight[0];

	/* It was received, not yet handed over. */
	if (listener->notify.sync && slot->notif.id) {
		hand_over(worker, index);
	} else if (answer_recover(listener, worker_fd(index), slot)) {
		tell_marker(worker, index);
	}
}

/* A listener that is new to this process. */
static void add(struct worker *worker, uint32_t index, int fd)
{
	struct journal_listener *listener = &worker->journal->listener[index];
	enum sync_turn turn = SYNC_TURN(sync_get(listener));

	forget_fd(index);
	fds[index] = fd + 1;
	if (worker->features & PROBE_SYNC_WAKE_UP)
		ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	/* A predecessor may have died before it told. */
	tell_marker(worker, index);
	if (turn == SYNC_MARKER)
		return;
	sync_take_back(listener);
	if (watch(worker, index) >= 0)
		recover(worker, index);
}

/* The marker is done with some of those that were handed over. */
static void take_back(struct worker *worker)
{
	uint64_t count;

	if (read(worker->wakes.worker, &count, sizeof(count)) < 0)
		return;
	for (uint32_t i = 0; i < worker->journal->top; i++) {
		struct journal_listener *listener = &worker->journal->listener[i];

		if (!fds[i] || SYNC_TURN(sync_get(listener)) != SYNC_BACK)
			continue;
		sync_take_back(listener);
		watch(worker, i);
	}
}

/* 0: goes on; -1: the keeper is gone. */
static int hear_keeper(struct worker *worker)
{
	struct worker_message message;
	int fd = -1;
	size_t count = 1;
	ssize_t len = socket_receive(worker->keeper, &message, sizeof(message), &fd, &count);

	if (len == -EINTR || len == -EAGAIN)
		return 0;
	if (len <= 0)
		return -1;
	if (len == sizeof(message) && count == 1 && message.index < JOURNAL_LISTENERS)
		add(worker, message.index, fd);
	else if (count == 1)
		close(fd);
	return 0;
}

static void wake_marker(struct worker *worker)
{
	if (worker->tell)
		eventfd_write(worker->wakes.marker, 1);
	worker->tell = false;
}

static int round_of_events(struct worker *worker)
{
	struct epoll_event events[EVENTS];
	bool keeper = false, wake = false;
	int count = poller_wait(&poller, events, EVENTS, -1);

	for (int i = 0; i < count; i++) {
		uint32_t index = events[i].data.u32;

		if (index == EVENT_KEEPER)
			keeper = true;
		else if (index == EVENT_WAKE)
			wake = true;
		else if (events[i].events & EPOLLIN)
			serve(worker, index);
		else if (events[i].events & EPOLLHUP)
			drop(worker, index);
		/* Else EPOLLERR: the kernel was interrupted while it looked, and looks again. */
	}
	/* Last: these exchange descriptors, and no event above is of an older one then. */
	if (wake)
		take_back(worker);
	return keeper ? hear_keeper(worker) : 0;
}

void worker_run(struct journal *journal, int keeper, const struct worker_wakes *wakes,
		unsigned features)
{
	struct worker worker = {
		.journal = journal, .keeper = keeper, .wakes = *wakes, .features = features};
	int rc = poller_init(&poller);

	if (rc == 0 && (rc = poller_add(&poller, EVENT_KEEPER, keeper, EPOLLIN)) >= 0)
		rc = poller_add(&poller, EVENT_WAKE, wakes->worker, EPOLLIN);
	if (rc < 0) {
		/* Not the keeper's end, but the next one may have more luck. */
		log_line(LOG_LEVEL_ERROR, "worker: epoll: %s", strerror(-rc));
		_exit(1);
	}
	setpriority(PRIO_PROCESS, 0, WORKER_NICE);
	handoff_init(&worker.handoff, features & PROBE_SYNC_WAKE_UP);
	memset(fds, 0, sizeof(fds));
	for (uint32_t i = 0; i < journal->top && i < JOURNAL_LISTENERS; i++) {
		int fd = journal_fd_since_fork(journal, i, wakes->serial);

		if (fd >= 0)
			add(&worker, i, fd);
	}
	do
		wake_marker(&worker);
	while (round_of_events(&worker) == 0);
	handoff_done(&worker.handoff);
	poller_done(&poller);
}
