/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals: queued ones come once each and in order, and one that interrupts a call gives EINTR, whatever is injected meanwhile.
 * Letting go of a thread cuts its call short once more, and a signal that comes just before the kernel has made that call again is
 * handled without an end of the call, as after any stop: so one in MISSED_IN may be missed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/inject/victim.h"

#define LOST_MS	  10000
#define MISSED_IN 300

static struct shared {
	volatile int received, handled, interrupted, done;
} * shared;
static pid_t sender;

static void on_queued(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)context;
	if (info->si_value.sival_int != shared->received || info->si_code != SI_QUEUE ||
	    info->si_pid != sender)
		victim_fail("signal %d came as number %d (code %d, from %d)",
			    info->si_value.sival_int, shared->received, info->si_code,
			    (int)info->si_pid);
	shared->received++;
}

static void on_usr(int signal)
{
	(void)signal;
	shared->handled++;
}

/* Until the counter is there; false: it takes too long. */
static bool reaches(volatile int *counter, int value, int ms)
{
	uint64_t end = victim_now_ms() + (uint64_t)ms;

	while (*counter < value) {
		if (victim_now_ms() > end)
			return false;
		usleep(50);
	}
	return true;
}

static void await(pid_t victim, volatile int *counter, int value)
{
	if (reaches(counter, value, LOST_MS))
		return;
	kill(victim, SIGKILL);
	victim_fail("lost: %d instead of %d", *counter, value);
}

/* Does it wait in read()? */
static bool reads(pid_t pid)
{
	char path[64], text[8] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return strncmp(text, "0 0x", 4) == 0;
}

/*
 * Sends one signal, and others as long as it reads on though they have been handled: how many these were. If whoever has
 * stopped the thread is killed when a signal comes, the call is made again, too.
 */
static int interrupt(pid_t victim, int value)
{
	uint64_t end = victim_now_ms() + LOST_MS;
	int handled = shared->handled, missed = 0;

	kill(victim, SIGUSR1);
	while (shared->interrupted < value) {
		if (victim_now_ms() > end) {
			kill(victim, SIGKILL);
			victim_fail("lost: %d interrupted instead of %d", shared->interrupted,
				    value);
		}
		if (shared->handled == handled || !reads(victim) || shared->interrupted >= value) {
			usleep(50);
			continue;
		}
		missed++;
		handled = shared->handled;
		kill(victim, SIGUSR1);
	}
	return missed;
}

/* First a storm, then single ones that have to interrupt. */
static void send_signals(pid_t victim, int count)
{
	int missed = 0;

	for (int i = 0; i < count; i++) {
		while (sigqueue(victim, SIGRTMIN, (union sigval){.sival_int = i}) < 0)
			if (errno != EAGAIN)
				victim_fail("sigqueue: %s", strerror(errno));
		if (i % 16 == 0)
			await(victim, &shared->received, i - 64);
	}
	await(victim, &shared->received, count);
	shared->done = 1;
	for (int i = 0; i < count / 100; i++) {
		while (!reads(victim))
			usleep(20);
		missed += interrupt(victim, i + 1);
	}
	if (missed > (count / 100 + MISSED_IN - 1) / MISSED_IN && !getenv("VICTIM_FORGIVES")) {
		kill(victim, SIGKILL);
		victim_fail("%d of %d signals were handled, and the call went on", missed,
			    count / 100);
	}
	shared->done = 2;
	kill(victim, SIGUSR1);
}

/* What a program does with signals: blocks them for a while, waits for them, computes. */
static void receive_storm(void)
{
	sigset_t queued, old;
	uint64_t sum = 0;

	sigemptyset(&queued);
	sigaddset(&queued, SIGRTMIN);
	while (!shared->done) {
		sigprocmask(SIG_BLOCK, &queued, &old);
		for (int i = 0; i < 1000; i++)
			sum += (uint64_t)i * sum + 1;
		sigprocmask(SIG_SETMASK, &old, NULL);
		usleep(sum % 32);
	}
}

static void be_interrupted(void)
{
	int fds[2];
	char byte;

	if (pipe(fds) < 0)
		victim_fail("pipe: %s", strerror(errno));
	while (shared->done < 2) {
		ssize_t n = read(fds[0], &byte, 1);

		if (n >= 0 || errno != EINTR)
			victim_fail("read: %zd, %s", n, strerror(errno));
		shared->interrupted++;
	}
}

void victim_signals(int count)
{
	struct sigaction queued = {.sa_sigaction = on_queued, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct sigaction usr = {.sa_handler = on_usr};
	pid_t self = getpid();
	sigset_t early;
	int status;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sigaction(SIGRTMIN, &queued, NULL);
	sigaction(SIGUSR1, &usr, NULL);
	sigemptyset(&early);
	sigaddset(&early, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &early, NULL);
	sender = fork();
	if (sender == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sender = getpid();
		send_signals(self, count);
		_exit(0);
	}
	sigprocmask(SIG_UNBLOCK, &early, NULL); /* now that the sender is known */
	victim_ready(NULL, 0);
	receive_storm();
	be_interrupted();
	while (waitpid(sender, &status, 0) < 0)
		;
	if (status != 0)
		victim_fail("the sender ended with status %x", status);
	if (shared->received != count || shared->interrupted < count / 100)
		victim_fail("%d signals, %d interrupted", shared->received, shared->interrupted);
}
