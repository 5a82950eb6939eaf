/* SPDX-License-Identifier: Apache-2.0 */
/* Worker, marker and steward as the keeper's children. */
#include "hook/notify/children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hook/common/log.h"
#include "hook/common/notify_socket.h"
#include "hook/common/proc.h"
#include "hook/notify/keeper.h"
#include "hook/notify/listeners.h"
#include "hook/notify/marker.h"
#include "hook/notify/replace.h"
#include "hook/notify/steward/steward.h"
#include "oci-config/cleanup.h"

/* Whatever kills them, calls wait until the next one answers: so at once, but not in a tight loop for ever. */
#define STARTS_AT_ONCE 100
#define STARTS_EVERY   10 /* ms */
/* Nobody waits for a steward. */
#define STEWARDS_AT_ONCE 30
#define STEWARDS_EVERY	 1000

static const char *const role_names[CHILDREN] = {
	[CHILD_WORKER] = "worker",
	[CHILD_MARKER] = "marker",
	[CHILD_STEWARD] = "steward",
};

void children_init(struct keeper *k)
{
	for (enum child_role role = 0; role < CHILDREN; role++)
		k->children[role] = (struct keeper_child){
			.fd = -1, .starts = {.burst = STARTS_AT_ONCE, .every = STARTS_EVERY}};
	k->children[CHILD_STEWARD].starts =
		(struct limit){.burst = STEWARDS_AT_ONCE, .every = STEWARDS_EVERY};
}

/* A helper of one run only has one only to serve. */
static bool is_wanted(const struct keeper *k, enum child_role role)
{
	return role != CHILD_STEWARD || !k->once;
}

/* Closes what is the keeper's only. The listening socket stays in the worker, which may have to take over. */
static void forget_keeper(struct keeper *k, enum child_role role)
{
	close(k->signals);
	for (int i = 0; i < CHILDREN; i++)
		if (k->children[i].fd >= 0)
			close(k->children[i].fd);
	connections_forget(k);
	replace_forget(k);
	if (role != CHILD_WORKER)
		close(k->socket);
}

/* What the steward is not to have: above all no listener. */
static void forget_journal(struct keeper *k)
{
	for (uint32_t i = 0; i < k->journal->top; i++) {
		int fd = journal_fd_since_fork(k->journal, i, k->wakes.serial);

		if (fd >= 0)
			close(fd);
	}
	munmap(k->journal, sizeof(*k->journal));
	close(k->journal_fd);
	close(k->wakes.worker);
	close(k->wakes.marker);
	if (k->switched >= 0)
		close(k->switched);
}

/* SIGTERM and SIGINT stay blocked: what is meant for the service as a whole is the keeper's to decide. */
static _Noreturn void child_main(struct keeper *k, enum child_role role, int fd)
{
	forget_keeper(k, role);
	if (role == CHILD_STEWARD) {
		prctl(PR_SET_NAME, "oci-ksm-steward");
		forget_journal(k);
		steward_run(fd, k->features);
	}
	if (role == CHILD_MARKER) {
		prctl(PR_SET_NAME, "oci-ksmd-marker");
		marker_run(k->journal, fd, &k->wakes, k->features, k->switched);
		_exit(0);
	}
	prctl(PR_SET_NAME, "oci-ksmd-worker");
	worker_run(k->journal, fd, &k->wakes, k->features);
	close(fd);
	keeper_take_over(k);
}

/* For a worker that becomes keeper. */
static void note_marker(struct keeper *k, pid_t pid)
{
	struct proc_stat stat = {0};

	k->journal->marker = 0;
	if (proc_stat_read(pid, &stat, NULL) == 0) {
		k->journal->marker_start_time = stat.start_time;
		k->journal->marker = pid;
	}
}

static void start(struct keeper *k, enum child_role role)
{
	struct keeper_child *child = &k->children[role];
	int pair[2];
	pid_t pid;

	/* Only we must never wait: a worker that has more to say than there is room for should. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		keeper_complain(k, "%s: socketpair: %s", role_names[role], strerror(errno));
		return;
	}
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		child_main(k, role, pair[1]);
	}
	close(pair[1]);
	if (pid < 0) {
		keeper_complain(k, "%s: fork: %s", role_names[role], strerror(errno));
		close(pair[0]);
		return;
	}
	child->pid = pid;
	child->fd = pair[0];
	/* It has all that is held now. */
	child->untold_count = 0;
	memset(child->untold, 0, sizeof(child->untold));
	if (role == CHILD_MARKER)
		note_marker(k, pid);
}

void children_start_worker(struct keeper *k)
{
	if (limit_allows(&k->children[CHILD_WORKER].starts, keeper_now(), NULL))
		start(k, CHILD_WORKER);
}

void children_start(struct keeper *k)
{
	int64_t now = keeper_now();

	for (enum child_role role = 0; role < CHILDREN; role++) {
		struct keeper_child *child = &k->children[role];

		if (!is_wanted(k, role))
			continue;
		if (child->pid == 0 && limit_allows(&child->starts, now, NULL))
			start(k, role);
		else if (child->kill_at && child->kill_at <= now)
			kill(child->pid, SIGKILL);
	}
}

int64_t children_deadline(const struct keeper *k)
{
	int64_t deadline = INT64_MAX;

	for (enum child_role role = 0; role < CHILDREN; role++) {
		const struct keeper_child *child = &k->children[role];
		int64_t at = child->pid == 0  ? limit_next(&child->starts)
			     : child->kill_at ? child->kill_at
					      : INT64_MAX;

		if (is_wanted(k, role) && at < deadline)
			deadline = at;
	}
	return deadline;
}

/* Sends what it can; the rest when the child has read some. */
static void flush(struct keeper *k, struct keeper_child *child)
{
	for (uint32_t i = 0; child->untold_count > 0 && i < k->journal->top; i++) {
		struct worker_message message = {.index = i};
		uint64_t bit = UINT64_C(1) << i % 64;
		const struct journal_listener *entry = &k->journal->listener[i];

		if (!(child->untold[i / 64] & bit))
			continue;
		if (entry->held &&
		    socket_send(child->fd, &message, sizeof(message), &entry->fd, 1) < 0)
			return;
		child->untold[i / 64] &= ~bit;
		child->untold_count--;
	}
}

void children_tell(struct keeper *k, uint32_t index)
{
	uint64_t bit = UINT64_C(1) << index % 64;

	for (enum child_role role = 0; role < CHILD_STEWARD; role++) {
		struct keeper_child *child = &k->children[role];

		if (child->fd < 0)
			continue; /* the next one will find it in the journal */
		child->untold_count += !(child->untold[index / 64] & bit);
		child->untold[index / 64] |= bit;
		flush(k, child);
	}
}

/* All messages; returns false at the end of file. */
static bool take_messages(struct keeper *k, int fd)
{
	struct keeper_message message;
	ssize_t n;

	while ((n = socket_receive(fd, &message, sizeof(message), NULL, NULL)) > 0)
		if (n == sizeof(message))
			listeners_drop(k, message.index, message.serial);
	return n == -EAGAIN;
}

static void ended(struct keeper *k, enum child_role role, int status)
{
	struct keeper_child *child = &k->children[role];
	bool expected = child->kill_at != 0 || child->fd < 0;

	if (child->fd >= 0) {
		take_messages(k, child->fd);
		close(child->fd);
	}
	child->fd = -1;
	child->pid = 0;
	child->kill_at = 0;
	if (!expected && WIFSIGNALED(status))
		keeper_complain(k, "the %s was killed by signal %d: starting another",
				role_names[role], WTERMSIG(status));
	else if (!expected)
		keeper_complain(k, "the %s ended with status %d: starting another",
				role_names[role], WEXITSTATUS(status));
}

int children_reap(struct keeper *k, int pid, int status)
{
	for (enum child_role role = 0; role < CHILDREN; role++) {
		if (k->children[role].pid == pid) {
			ended(k, role, status);
			return 0;
		}
	}
	return -1;
}

size_t children_poll(struct keeper *k, struct pollfd *ret)
{
	size_t count = 0;

	for (enum child_role role = 0; role < CHILDREN; role++) {
		const struct keeper_child *child = &k->children[role];

		if (child->fd >= 0)
			ret[count++] = (struct pollfd){
				.fd = child->fd,
				.events = (short)(child->untold_count ? POLLIN | POLLOUT : POLLIN)};
	}
	return count;
}

void children_serve(struct keeper *k)
{
	for (enum child_role role = 0; role < CHILDREN; role++) {
		struct keeper_child *child = &k->children[role];
		int status;

		if (child->fd < 0)
			continue;
		if (take_messages(k, child->fd)) {
			flush(k, child);
			continue;
		}
		/* It is ending already, or else does what it never should. */
		kill(child->pid, SIGKILL);
		if (waitpid(child->pid, &status, 0) == child->pid)
			ended(k, role, status);
	}
}

/* Closing its socket ends a marker or steward as soon as it has let go of what it has stopped. */
static void dismiss(struct keeper_child *child)
{
	if (child->fd >= 0)
		close(child->fd);
	child->fd = -1;
	child->kill_at = keeper_now() + CHILDREN_PATIENCE;
}

static void end_worker(struct keeper *k)
{
	struct keeper_child *worker = &k->children[CHILD_WORKER];
	int status;

	if (worker->pid == 0)
		return;
	worker->kill_at = keeper_now();
	kill(worker->pid, SIGKILL);
	if (waitpid(worker->pid, &status, 0) != worker->pid)
		status = 0;
	ended(k, CHILD_WORKER, status);
}

/* Waits until that process has ended, and makes it if it does not. */
static void await_end(pid_t pid)
{
	cleanup_close int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd wait = {.fd = fd, .events = POLLIN};

	if (fd < 0 || poll(&wait, 1, CHILDREN_PATIENCE) > 0)
		return;
	syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	poll(&wait, 1, CHILDREN_PATIENCE);
}

void children_stop(struct keeper *k)
{
	end_worker(k);
	for (enum child_role role = CHILD_MARKER; role < CHILDREN; role++)
		if (k->children[role].pid > 0)
			dismiss(&k->children[role]);
	for (enum child_role role = CHILD_MARKER; role < CHILDREN; role++) {
		pid_t pid = k->children[role].pid;

		if (pid == 0)
			continue;
		await_end(pid);
		waitpid(pid, NULL, 0);
		k->children[role].pid = 0;
	}
}

void children_adopt(struct keeper *k, const struct handover *handover)
{
	k->children[CHILD_WORKER].pid = handover->worker;
	k->children[CHILD_WORKER].fd = handover->worker_fd;
	k->children[CHILD_MARKER].pid = handover->marker;
	k->children[CHILD_MARKER].fd = handover->marker_fd;
}

void children_renew(struct keeper *k)
{
	end_worker(k);
	if (k->children[CHILD_MARKER].pid > 0)
		dismiss(&k->children[CHILD_MARKER]);
	children_start(k);
}

void children_await_marker(const struct keeper *k)
{
	if (proc_is_running(k->journal->marker, k->journal->marker_start_time))
		await_end(k->journal->marker);
}
