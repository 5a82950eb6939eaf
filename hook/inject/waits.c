/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that a mere stop ends, made again with the time that was left. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "hook/inject/status.h"
#include "hook/inject/waits.h"

/* Calls that a stop ends with EINTR though nothing has happened yet, and the argument that says how long they wait. */
enum timeout { ALWAYS, MILLISECONDS, POINTER };
static const struct interrupted {
	long number;
	enum timeout timeout;
	unsigned argument;
} calls[] = {
#ifdef SYS_epoll_wait
	{SYS_epoll_wait, MILLISECONDS, 3},
#endif
	{SYS_epoll_pwait, MILLISECONDS, 3},
#ifdef SYS_epoll_pwait2
	{SYS_epoll_pwait2, POINTER, 3},
#endif
	{SYS_rt_sigtimedwait, POINTER, 2},
	{SYS_semop, ALWAYS, 0},
	{SYS_semtimedop, POINTER, 3},
	{SYS_io_getevents, POINTER, 4},
	{SYS_io_uring_enter, ALWAYS, 0},
	/* of sockets with SO_RCVTIMEO or SO_SNDTIMEO */
	{SYS_read, ALWAYS, 0},
	{SYS_readv, ALWAYS, 0},
	{SYS_recvfrom, ALWAYS, 0},
	{SYS_recvmsg, ALWAYS, 0},
	{SYS_recvmmsg, ALWAYS, 0},
	{SYS_write, ALWAYS, 0},
	{SYS_writev, ALWAYS, 0},
	{SYS_sendto, ALWAYS, 0},
	{SYS_sendmsg, ALWAYS, 0},
	{SYS_sendmmsg, ALWAYS, 0},
#ifdef SYS_accept
	{SYS_accept, ALWAYS, 0},
#endif
	{SYS_accept4, ALWAYS, 0},
	{SYS_connect, ALWAYS, 0},
};

static const struct interrupted *find(long number)
{
	for (size_t i = 0; number >= 0 && i < sizeof(calls) / sizeof(*calls); i++)
		if (calls[i].number == number)
			return &calls[i];
	return NULL;
}

static bool is_timed(const struct interrupted *call, unsigned long argument)
{
	return (call->timeout == MILLISECONDS && (int)argument > 0) ||
	       (call->timeout == POINTER && argument != 0);
}

bool waits_is_timed(pid_t tid)
{
	const struct interrupted *call;
	unsigned long args[6];
	char text[256], *at;
	long number;

	if (status_file(tid, "syscall", text, sizeof(text)) <= 0)
		return false;
	number = strtol(text, &at, 10);
	for (size_t i = 0; i < 6; i++)
		args[i] = strtoul(at, &at, 16);
	if (*at != ' ') /* "running" */
		return false;
	call = find(number);
	return call && is_timed(call, args[call->argument]);
}

/* When the thread left the CPU (by the scheduler's clock of that CPU), and how often it has gone to sleep. */
struct slept {
	uint64_t ns, sleeps;
	int cpu;
};

/* "KEY   :   1234.567890" as 1234567890, "KEY  :   12" as 12. */
static bool number_of(const char *text, const char *key, uint64_t *ret)
{
	const char *at = strstr(text, key);
	char *end;

	if (!at || !(at = strchr(at, ':')))
		return false;
	*ret = strtoull(at + 1, &end, 10);
	if (*end == '.')
		*ret = *ret * 1000000 + strtoull(end + 1, NULL, 10);
	return true;
}

static bool read_slept(pid_t tid, struct slept *ret)
{
	char text[8192];
	const char *at;
	struct slept slept;

	if (status_file(tid, "sched", text, sizeof(text)) <= 0 ||
	    !number_of(text, "\nse.exec_start ", &slept.ns) ||
	    !number_of(text, "\nnr_voluntary_switches ", &slept.sleeps))
		return false;
	/* The name in parentheses may contain anything; "processor" is the 37th field behind it. */
	if (status_file(tid, "stat", text, sizeof(text)) <= 0 || !(at = strrchr(text, ')')))
		return false;
	for (int i = 0; i < 37 && at; i++)
		at = strchr(at + 1, ' ');
	if (!at)
		return false;
	slept.cpu = (int)strtol(at, NULL, 10);
	*ret = slept;
	return true;
}

void waits_before(struct inject *target)
{
	struct slept slept;

	if (!waits_is_timed(target->tid) || !read_slept(target->tid, &slept))
		return;
	target->slept_since = slept.ns;
	target->slept_times = slept.sleeps;
	target->slept_cpu = slept.cpu;
}

/* The scheduler's time on a CPU now: since when this thread runs there. */
static bool time_on(int cpu, uint64_t *ret)
{
	struct slept self;
	cpu_set_t before, only;
	bool known;

	CPU_ZERO(&only);
	CPU_SET((size_t)cpu, &only);
	if (sched_getaffinity(0, sizeof(before), &before) < 0 ||
	    sched_setaffinity(0, sizeof(only), &only) < 0)
		return false;
	known = read_slept(gettid(), &self);
	sched_setaffinity(0, sizeof(before), &before);
	*ret = self.ns;
	return known;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* How long the call has waited, if the thread has slept in it all the time. The clocks of CPUs differ. */
static uint64_t waited_ns(const struct inject *target)
{
	struct slept now;

	if (!target->slept_since || !read_slept(target->tid, &now) ||
	    now.sleeps != target->slept_times + 1 ||
	    (now.cpu != target->slept_cpu && !time_on(target->slept_cpu, &now.ns)) ||
	    now.ns < target->slept_since)
		return 0;
	return now.ns - target->slept_since;
}

bool waits_restart(struct inject *target)
{
	const struct interrupted *call = find(arch_interrupted(&target->saved));
	unsigned long argument;

	target->wait_end = 0;
	if (call)
		arch_restart_interrupted(&target->saved);
	if (!call || call->timeout != MILLISECONDS)
		return call;
	argument = arch_argument(&target->saved, call->argument);
	if (!is_timed(call, argument))
		return true;
	target->wait_end = now_ns() + argument * 1000000 - waited_ns(target);
	target->wait_argument = call->argument;
	return true;
}

void waits_shorten(struct inject *target)
{
	uint64_t now = now_ns();
	uint64_t left = target->wait_end > now ? target->wait_end - now : 0;

	if (target->wait_end)
		arch_set_argument(&target->saved, target->wait_argument, (left + 999999) / 1000000);
}
