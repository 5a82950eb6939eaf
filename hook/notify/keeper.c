/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper's loop: connections, children, signals; and a worker that becomes keeper. */
#include "hook/notify/keeper.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hook/common/log.h"
#include "hook/notify/children.h"
#include "hook/notify/listeners.h"
#include "hook/notify/replace.h"
#include "hook/notify/systemd.h"

#define COMPLAINTS_AT_ONCE 20
#define COMPLAINTS_EVERY   1000 /* ms */
#define ONCE_PATIENCE	   10000
#define OTHER_FDS	   64

int64_t keeper_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

__attribute__((format(printf, 3, 0))) static void say(struct limit *limit, enum log_level level,
						      const char *fmt, va_list args)
{
	char text[512], more[64] = "";
	unsigned left_out;

	if (!limit_allows(limit, keeper_now(), &left_out))
		return;
	vsnprintf(text, sizeof(text), fmt, args);
	if (left_out > 0)
		snprintf(more, sizeof(more), " (%u more lines were left out)", left_out);
	log_line(level, "%s%s", text, more);
}

void keeper_complain(struct keeper *k, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(&k->complaints, LOG_LEVEL_WARNING, fmt, args);
	va_end(args);
}

void keeper_tell(struct keeper *k, const char *id, const char *fmt, ...)
{
	va_list args;

	if (k->once)
		return;
	log_container(id);
	va_start(args, fmt);
	say(&k->events, LOG_LEVEL_INFO, fmt, args);
	va_end(args);
	log_container("");
}

/*
 * A descriptor that is received when there is no number for it is lost, so there are fewer places than numbers: what
 * connections can bring comes on top.
 */
static int set_limits(struct keeper *k, struct error *err)
{
	struct rlimit limit;
	uint64_t count;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return error_set(err, errno, "read the limit of open files");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return error_set(err, errno, "raise the limit of open files");
	count = limit.rlim_cur < 1u << 20 ? limit.rlim_cur : 1u << 20;
	if (count < 4ul * OTHER_FDS)
		return error_set(err, EMFILE, "work with at most %u open files", (unsigned)count);
	k->connections.max = (unsigned)(count / 20);
	if (k->connections.max > CONNECTIONS_MAX - 1)
		k->connections.max = CONNECTIONS_MAX - 1;
	count -= OTHER_FDS + (k->connections.max + 1ul) * (OCFG_PROCESS_STATE_FDS + 1);
	k->capacity = count < JOURNAL_LISTENERS ? (uint32_t)count : JOURNAL_LISTENERS;
	return 0;
}

int keeper_init(struct keeper *k, struct error *err)
{
	sigset_t set;
	int rc;

	k->nice = getpriority(PRIO_PROCESS, 0);
	k->signals = -1;
	k->complaints = (struct limit){.burst = COMPLAINTS_AT_ONCE, .every = COMPLAINTS_EVERY};
	k->events = k->complaints;
	k->idle_until = keeper_now() + ONCE_PATIENCE;
	children_init(k);
	replace_init(k);
	prctl(PR_SET_NAME, "oci-ksmd");
	rc = set_limits(k, err);
	if (rc < 0)
		return rc;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGPIPE);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return error_set(err, errno, "block signals");
	sigdelset(&set, SIGPIPE);
	k->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (k->signals < 0)
		return error_set(err, errno, "make a descriptor for signals");
	return 0;
}

static void reap(struct keeper *k)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (children_reap(k, pid, status) < 0)
			replace_reap(k, pid, status);
}

/* Ending with listeners in hand would end their containers, unless somebody keeps them for the next one. */
static void end(struct keeper *k, const struct signalfd_siginfo *signal)
{
	if (systemd_has_store() || k->held == 0) {
		log_line(LOG_LEVEL_INFO, "signal %u of process %u: ending%s", signal->ssi_signo,
			 signal->ssi_pid,
			 k->held > 0 ? "; the service manager keeps the listeners" : "");
		k->ending = true;
		k->ended = true;
	} else if (!k->ending) {
		log_line(
			LOG_LEVEL_WARNING,
			"signal %u of process %u: serving %u listeners, whose containers would not "
			"survive; ending when the last is gone",
			signal->ssi_signo, signal->ssi_pid, k->held);
		k->ending = true;
	}
}

static void take_signals(struct keeper *k)
{
	struct signalfd_siginfo signal;

	while (read(k->signals, &signal, sizeof(signal)) == sizeof(signal))
		if (signal.ssi_signo == SIGTERM || signal.ssi_signo == SIGINT)
			end(k, &signal);
	reap(k);
}

/* ms to sleep, -1: until something comes. */
static int timeout_of(const struct keeper *k)
{
	int64_t deadlines[] = {connections_deadline(k), children_deadline(k), replace_deadline(k),
			       k->once && k->held == 0 ? k->idle_until : INT64_MAX};
	int64_t first = INT64_MAX, left;

	for (size_t i = 0; i < sizeof(deadlines) / sizeof(deadlines[0]); i++)
		first = deadlines[i] < first ? deadlines[i] : first;
	if (first == INT64_MAX)
		return -1;
	left = first - keeper_now();
	return left < 0 ? 0 : left < INT_MAX ? (int)left : INT_MAX;
}

static void check_end(struct keeper *k)
{
	if (k->held > 0) {
		k->idle_until = 0; /* `once`: when this was the last, it was the last */
	} else if (k->ending) {
		if (!k->ended)
			log_line(LOG_LEVEL_INFO, "the last listener is gone: ending");
		k->ended = true;
	} else if (k->once && k->idle_until <= keeper_now()) {
		if (k->idle_until > 0)
			log_line(LOG_LEVEL_WARNING, "nobody came within %d s",
				 ONCE_PATIENCE / 1000);
		k->ended = true;
	}
}

void keeper_run(struct keeper *k)
{
	struct pollfd polls[2 + CHILDREN + CONNECTIONS_MAX + 1];

	while (!k->ended) {
		size_t count = 1;
		int n;

		children_start(k);
		polls[0] = (struct pollfd){.fd = k->signals, .events = POLLIN};
		count += children_poll(k, polls + count);
		count += replace_poll(k, polls + count);
		count += connections_poll(k, polls, count);
		n = poll(polls, count, timeout_of(k));
		if (n < 0 && errno != EINTR && errno != EAGAIN && errno != ENOMEM)
			keeper_complain(k, "poll: %s", strerror(errno));
		if (n < 0)
			continue;
		take_signals(k);
		children_serve(k);
		connections_serve(k, polls);
		replace_serve(k);
		check_end(k);
	}
	children_stop(k);
	connections_forget(k);
}

void keeper_own_path(struct keeper *k, const char *path)
{
	struct stat st = {0};

	snprintf(k->path, sizeof(k->path), "%s", path);
	(void)lstat(path, &st);
	k->path_dev = st.st_dev;
	k->path_ino = st.st_ino;
}

void keeper_done(const struct keeper *k)
{
	struct stat st;

	if (k->path[0] && lstat(k->path, &st) == 0 && st.st_dev == k->path_dev &&
	    st.st_ino == k->path_ino)
		unlink(k->path);
}

static int worker_fd_of(uint32_t index, const void *data)
{
	(void)data;
	return worker_fd(index);
}

_Noreturn void keeper_take_over(struct keeper *k)
{
	struct error err = {0};
	uint32_t held;

	setpriority(PRIO_PROCESS, 0, k->nice);
	listeners_restore(k, worker_fd_of, NULL);
	held = k->held;
	/* What can fail here failed not when the service started. */
	if (keeper_init(k, &err) < 0)
		log_error(&err, "taking over");
	children_start_worker(k);
	children_await_marker(k);
	log_line(LOG_LEVEL_WARNING, "the keeper is gone: its worker takes over, with %u listeners",
		 held);
	if (systemd_notify(-1, &err, "MAINPID=%d\nSTATUS=serving %u listeners", (int)getpid(),
			   held) < 0)
		log_error(&err, "service manager");
	keeper_run(k);
	keeper_done(k);
	_exit(0);
}
