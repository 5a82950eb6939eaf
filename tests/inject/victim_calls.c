/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that block, one process each: while it waits it is injected into, and then it has to give what it would have given, at
 * the time at which it would have. With VICTIM_FORGIVES in the environment those that signal(7) names may give EINTR: the
 * kernel does that if whoever stopped them is killed.
 */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/inject/victim.h"

/* What a call finds ready: made before the clock starts. */
static struct {
	int ms;
	int pipe[2], sockets[2], epoll, queue, semaphore, file;
	unsigned *word; /* shared */
	sigset_t none, usr;
	struct timespec time;
	struct timeval timeval;
} at;

static volatile int handled;

static void on_usr(int signal)
{
	(void)signal;
	handled++;
}

/* A call gives `expected`, or -1 and that errno. */
static long errno_or(long result)
{
	return result < 0 ? -errno : result;
}

static long call_nanosleep(void)
{
	return errno_or(nanosleep(&at.time, NULL));
}

static long call_clock_nanosleep(void)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += at.time.tv_nsec;
	end.tv_sec += at.time.tv_sec + end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	return -clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
}

static long call_futex_timeout(void)
{
	return errno_or(syscall(SYS_futex, at.word, FUTEX_WAIT, 0, &at.time, NULL, 0));
}

static long call_futex(void)
{
	return errno_or(syscall(SYS_futex, at.word, FUTEX_WAIT, 0, NULL, NULL, 0));
}

static long call_poll_timeout(void)
{
	struct pollfd fd = {at.pipe[0], POLLIN, 0};

	return errno_or(poll(&fd, 1, at.ms));
}

static long call_poll(void)
{
	struct pollfd fd = {at.pipe[0], POLLIN, 0};

	return errno_or(poll(&fd, 1, -1));
}

static long call_ppoll_timeout(void)
{
	struct pollfd fd = {at.pipe[0], POLLIN, 0};

	return errno_or(ppoll(&fd, 1, &at.time, &at.none));
}

static long call_ppoll_signal(void)
{
	return errno_or(ppoll(NULL, 0, NULL, &at.none));
}

static long call_select_timeout(void)
{
	fd_set fds;

	FD_ZERO(&fds);
	FD_SET(at.pipe[0], &fds);
	return errno_or(select(at.pipe[0] + 1, &fds, NULL, NULL, &at.timeval));
}

static long call_pselect_signal(void)
{
	return errno_or(pselect(0, NULL, NULL, NULL, NULL, &at.none));
}

static long call_epoll_timeout(void)
{
	struct epoll_event event;

	return errno_or(epoll_wait(at.epoll, &event, 1, at.ms));
}

static long call_epoll_mask_timeout(void)
{
	struct epoll_event event;

	return errno_or(epoll_pwait(at.epoll, &event, 1, at.ms, &at.none));
}

static long call_epoll(void)
{
	struct epoll_event event;

	return errno_or(epoll_wait(at.epoll, &event, 1, -1));
}

static long call_epoll_signal(void)
{
	struct epoll_event event;

	epoll_ctl(at.epoll, EPOLL_CTL_DEL, at.pipe[0], NULL);
	return errno_or(epoll_pwait(at.epoll, &event, 1, -1, &at.none));
}

static long call_epoll2_timeout(void)
{
	struct epoll_event event;

	return errno_or(
		syscall(SYS_epoll_pwait2, at.epoll, &event, 1, &at.time, NULL, sizeof(uint64_t)));
}

static long call_sigsuspend(void)
{
	return errno_or(sigsuspend(&at.none));
}

static long call_pause(void)
{
	sigprocmask(SIG_UNBLOCK, &at.usr, NULL);
	return errno_or(pause());
}

static long call_sigwait(void)
{
	return errno_or(sigwaitinfo(&at.usr, NULL));
}

static long call_sigwait_timeout(void)
{
	return errno_or(sigtimedwait(&at.usr, NULL, &at.time));
}

static long call_read(void)
{
	char byte;

	return errno_or(read(at.pipe[0], &byte, 1));
}

static long call_recv(void)
{
	char byte;

	return errno_or(recv(at.sockets[0], &byte, 1, 0));
}

static long call_recv_timeout(void)
{
	char byte;

	setsockopt(at.sockets[0], SOL_SOCKET, SO_RCVTIMEO, &at.timeval, sizeof(at.timeval));
	return errno_or(recv(at.sockets[0], &byte, 1, 0));
}

static long call_semop(void)
{
	struct sembuf down = {0, -1, 0};

	return errno_or(semop(at.semaphore, &down, 1));
}

static long call_semtimedop(void)
{
	struct sembuf down = {0, -1, 0};

	return errno_or(semtimedop(at.semaphore, &down, 1, &at.time));
}

static long call_msgrcv(void)
{
	long message[2];

	return errno_or(msgrcv(at.queue, message, sizeof(long), 0, 0));
}

static long call_flock(void)
{
	char path[32];
	int fd;

	/* Another open file description than that which holds the lock. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", at.file);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return errno_or(flock(fd, LOCK_EX));
}

static long call_wait(void)
{
	return waitpid(-1, NULL, 0) > 0 ? 0 : -errno;
}

static long call_accept(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(address);

	/* A name that the kernel chooses, found by nobody. */
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) < 0 || listen(fd, 1) < 0)
		return -errno;
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		victim_sleep_ms(at.ms);
		_exit(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, len));
	}
	return accept(fd, NULL, NULL) >= 0 ? 0 : -errno;
}

/* What happens at the end of the time. */
static void happen(pid_t victim)
{
	long message[2] = {1, 1};
	struct sembuf up = {0, 1, 0};

	if (write(at.pipe[1], "x", 1) < 0 || write(at.sockets[1], "x", 1) < 0 ||
	    semop(at.semaphore, &up, 1) < 0 || msgsnd(at.queue, message, sizeof(long), 0) < 0)
		perror("victim");
	syscall(SYS_futex, at.word, FUTEX_WAKE, 1, NULL, NULL, 0);
	kill(victim, SIGUSR1);
	flock(at.file, LOCK_UN);
	_exit(0);
}

enum kind {
	EVENT,	 /* something happens after the time */
	TIMEOUT, /* nothing does */
	RESTART, /* the same, and the time begins anew after an injection */
	ITSELF,	 /* an event that the call arranges */
};

static const struct call {
	const char *name;
	long (*call)(void);
	enum kind kind;
	long expected;
	bool signalled; /* SIGUSR1's handler has to run */
	bool stops;	/* a mere stop ends it with EINTR */
} calls[] = {
	{"nanosleep", call_nanosleep, TIMEOUT, 0, false, false},
	{"clock_nanosleep", call_clock_nanosleep, TIMEOUT, 0, false, false},
	{"futex, time out", call_futex_timeout, TIMEOUT, -ETIMEDOUT, false, false},
	{"futex", call_futex, EVENT, 0, false, false},
	{"poll, time out", call_poll_timeout, TIMEOUT, 0, false, false},
	{"poll", call_poll, EVENT, 1, false, false},
	{"ppoll, time out", call_ppoll_timeout, TIMEOUT, 0, false, false},
	{"ppoll, signal", call_ppoll_signal, EVENT, -EINTR, true, false},
	{"select, time out", call_select_timeout, TIMEOUT, 0, false, false},
	{"pselect, signal", call_pselect_signal, EVENT, -EINTR, true, false},
	{"epoll_wait, time out", call_epoll_timeout, TIMEOUT, 0, false, true},
	{"epoll_pwait, time out", call_epoll_mask_timeout, TIMEOUT, 0, false, true},
	{"epoll_wait", call_epoll, EVENT, 1, false, true},
	{"epoll_pwait, signal", call_epoll_signal, EVENT, -EINTR, true, true},
	{"epoll_pwait2, time out", call_epoll2_timeout, RESTART, 0, false, true},
	{"sigsuspend", call_sigsuspend, EVENT, -EINTR, true, false},
	{"pause", call_pause, EVENT, -EINTR, true, false},
	{"sigwaitinfo", call_sigwait, EVENT, SIGUSR1, false, true},
	{"sigtimedwait, time out", call_sigwait_timeout, RESTART, -EAGAIN, false, true},
	{"read", call_read, EVENT, 1, false, false},
	{"recv", call_recv, EVENT, 1, false, false},
	{"recv, SO_RCVTIMEO", call_recv_timeout, RESTART, -EAGAIN, false, true},
	{"semop", call_semop, EVENT, 0, false, true},
	{"semtimedop, time out", call_semtimedop, RESTART, -EAGAIN, false, true},
	{"msgrcv", call_msgrcv, EVENT, sizeof(long), false, false},
	{"flock", call_flock, EVENT, 0, false, false},
	{"waitpid", call_wait, EVENT, 0, false, false},
	{"accept", call_accept, ITSELF, 0, false, false},
};
#define CALLS (sizeof(calls) / sizeof(calls[0]))

static void prepare(int ms, const struct call *call)
{
	struct sigaction action = {.sa_handler = on_usr, .sa_flags = SA_RESTART};
	struct epoll_event event = {.events = EPOLLIN};

	at.ms = ms;
	at.time = (struct timespec){ms / 1000, ms % 1000 * 1000000L};
	at.timeval = (struct timeval){ms / 1000, ms % 1000 * 1000};
	at.word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	at.epoll = epoll_create1(EPOLL_CLOEXEC);
	at.queue = msgget(IPC_PRIVATE, 0600);
	at.semaphore = semget(IPC_PRIVATE, 1, 0600);
	at.file = memfd_create("victim", MFD_CLOEXEC);
	if (pipe(at.pipe) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, at.sockets) < 0 ||
	    at.epoll < 0 || at.queue < 0 || at.semaphore < 0 || at.file < 0 ||
	    epoll_ctl(at.epoll, EPOLL_CTL_ADD, at.pipe[0], &event) < 0)
		victim_fail("%s: %s", call->name, strerror(errno));
	sigemptyset(&at.none);
	sigemptyset(&at.usr);
	sigaddset(&at.usr, SIGUSR1);
	sigprocmask(SIG_BLOCK, &at.usr, NULL);
	sigaction(SIGUSR1, &action, NULL);
}

/* In a process of its own. `injected_ms`: so long it is injected into. */
static void run(const struct call *call, int ms, int injected_ms)
{
	uint64_t start, took, most = (uint64_t)ms + 150;
	pid_t self = getpid(), helper;
	long result;

	prepare(ms, call);
	flock(at.file, LOCK_EX);
	start = victim_now_ms();
	helper = call->kind == EVENT ? fork() : 1;
	if (helper == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		victim_sleep_ms(ms);
		happen(self);
	}
	result = call->call();
	took = victim_now_ms() - start;
	if (helper > 1)
		waitpid(helper, NULL, 0);
	msgctl(at.queue, IPC_RMID, NULL);
	semctl(at.semaphore, 0, IPC_RMID);
	if (call->stops && result == -EINTR && getenv("VICTIM_FORGIVES"))
		_exit(0);
	if (call->kind == RESTART)
		most += (uint64_t)injected_ms + 300;
	if (result != call->expected)
		victim_fail("%s: %ld instead of %ld", call->name, result, call->expected);
	if (took + 2 < (uint64_t)ms || took > most)
		victim_fail("%s: %lu ms instead of %d", call->name, took, ms);
	if (call->signalled != (handled == 1))
		victim_fail("%s: %d signals", call->name, handled);
	_exit(0);
}

/* All at the same time, each for ms; the first half of it they are injected into. */
void victim_calls(int ms)
{
	pid_t pids[CALLS];
	int failed = 0, status;

	for (size_t i = 0; i < CALLS; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			run(&calls[i], ms, ms / 2);
		}
	}
	victim_ready(pids, CALLS);
	for (size_t i = 0; i < CALLS; i++)
		if (waitpid(pids[i], &status, 0) != pids[i] || status != 0)
			failed++;
	if (failed)
		victim_fail("%d calls were harmed", failed);
}
