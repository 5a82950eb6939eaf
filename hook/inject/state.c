/* SPDX-License-Identifier: Apache-2.0 */
/* The state in which a thread was found, and what becomes of the call that it was in. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "hook/inject/state.h"
#include "hook/inject/status.h"
#include "hook/inject/stop.h"
#include "oci-config/cleanup.h"

/* Linux 5.13; headers disagree about the struct's name. */
#define GET_RSEQ_CONFIGURATION 0x420f
struct rseq_configuration {
	uint64_t abi_pointer;
	uint32_t abi_size, signature, flags, pad;
};
#define RSEQ_CS_OFFSET 8 /* in struct rseq */

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

bool state_is_timed_wait(pid_t tid)
{
	const struct interrupted *call;
	unsigned long args[6];
	char text[256];
	long number;

	if (status_file(tid, "syscall", text, sizeof(text)) <= 0 ||
	    sscanf(text, "%ld %lx %lx %lx %lx %lx %lx", &number, &args[0], &args[1],
		   &args[2], // NOLINT
		   &args[3], &args[4], &args[5]) != 7)
		return false;
	call = find(number);
	return call && is_timed(call, args[call->argument]);
}

/* When the thread left the CPU (the scheduler's time on that CPU), and how often it has. */
struct slept {
	uint64_t ns, switches;
	int cpu;
};

static bool read_slept(pid_t tid, struct slept *ret)
{
	char text[8192];
	const char *at;
	double ms, switches;
	int cpu;

	if (status_file(tid, "sched", text, sizeof(text)) <= 0 ||
	    !(at = strstr(text, "\nse.exec_start ")) || !(at = strchr(at, ':')) ||
	    sscanf(at, ": %lf", &ms) != 1 || // NOLINT
	    !(at = strstr(at, "\nnr_switches ")) || !(at = strchr(at, ':')) ||
	    sscanf(at, ": %lf", &switches) != 1) // NOLINT
		return false;
	/* The name in parentheses may contain anything; "processor" is the 37th field behind it. */
	if (status_file(tid, "stat", text, sizeof(text)) <= 0 || !(at = strrchr(text, ')')))
		return false;
	for (int i = 0; i < 37 && at; i++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, " %d", &cpu) != 1) // NOLINT
		return false;
	*ret = (struct slept){(uint64_t)(ms * 1e6), (uint64_t)switches, cpu};
	return true;
}

void state_before(struct inject *target)
{
	struct slept slept;

	if (!state_is_timed_wait(target->tid) || !read_slept(target->tid, &slept))
		return;
	target->slept_since = slept.ns;
	target->slept_switches = slept.switches;
	target->slept_cpu = slept.cpu;
}

/*
 * How long the call has waited: until it was stopped on the same CPU (their clocks differ), with no sleep between.
 */
static uint64_t waited_ms(const struct inject *target)
{
	struct slept now;

	if (!target->slept_since || !read_slept(target->tid, &now) ||
	    now.cpu != target->slept_cpu || now.switches != target->slept_switches + 1 ||
	    now.ns < target->slept_since)
		return 0;
	return (now.ns - target->slept_since) / 1000000;
}

/* Was there such a call? */
static bool restart(struct inject *target)
{
	const struct interrupted *call = find(arch_interrupted(&target->saved));
	unsigned long argument;
	uint64_t waited;

	if (!call)
		return false;
	arch_restart_interrupted(&target->saved);
	argument = arch_argument(&target->saved, call->argument);
	if (call->timeout != MILLISECONDS || !is_timed(call, argument))
		return true;
	waited = waited_ms(target);
	arch_set_argument(&target->saved, call->argument,
			  waited < argument ? argument - waited : 0);
	return true;
}

static bool peek(pid_t tid, uint64_t address, uint64_t *ret)
{
	errno = 0;
	*ret = (uint64_t)ptrace(PTRACE_PEEKDATA, tid, address, 0);
	return errno == 0;
}

/*
 * Within a restartable sequence the place must not change: the kernel would take it that the sequence is over. Before Linux 5.13
 * nobody can know from outside.
 */
static bool in_sequence(const struct inject *target)
{
	struct rseq_configuration rseq = {0};
	uint64_t sequence, start, length;

	if (arch_in_syscall(&target->saved) ||
	    ptrace((enum __ptrace_request)GET_RSEQ_CONFIGURATION, target->tid, sizeof(rseq),
		   &rseq) < 0 ||
	    !rseq.abi_pointer || !peek(target->tid, rseq.abi_pointer + RSEQ_CS_OFFSET, &sequence) ||
	    !sequence)
		return false;
	return !peek(target->tid, sequence + 8, &start) ||
	       !peek(target->tid, sequence + 16, &length) ||
	       arch_pc(&target->saved) - start < length;
}

int state_save(struct inject *target)
{
	int r = arch_get_regs(target->tid, &target->saved);

	if (r < 0)
		return stop_killed(target);
	target->changed = false;
	target->trampoline = 0;
	if (!arch_is_native(&target->saved))
		return -EOPNOTSUPP;
	if (in_sequence(target))
		return -EAGAIN;
	target->changed = restart(target);
	target->slept_since = 0;
	return stop_restore(target);
}
