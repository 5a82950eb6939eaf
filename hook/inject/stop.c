/* SPDX-License-Identifier: Apache-2.0 */
/* Stops of a traced thread: waiting for them, going on from them. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hook/inject/status.h"
#include "hook/inject/stop.h"
#include "hook/inject/trampoline.h"
#include "hook/inject/waits.h"

#define SPIN_NS	       200000 /* most stops come sooner */
#define SLEEP_MIN_NS   20000
#define SLEEP_MAX_NS   1000000
#define END_TIMEOUT_MS 1000
#define SYSCALL_STOP   (SIGTRAP | 0x80) /* PTRACE_O_TRACESYSGOOD */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t stop_now_ms(void)
{
	return now_ns() / 1000000;
}

/*
 * The tid is gone. If its thread has executed a program, it now has the process' id, and is still seized. The new program's
 * state is nothing that we know, but it must be let go.
 */
static int vanished(struct inject *target)
{
	struct status status;

	if (target->tid != target->tgid && status_read(target->tgid, &status) == 0 &&
	    status.tracer == gettid()) {
		target->tid = target->tgid;
		target->own_child = status.parent == getpid();
		target->changed = target->entering = false;
		/* The one before may have come too late for the old number, and it would never stop. */
		ptrace(PTRACE_INTERRUPT, target->tid, 0, 0);
		return 0;
	}
	target->seized = false;
	return -ESRCH;
}

/*
 * 1: stopped, *code as siginfo has it; 0: not yet; -ESRCH: ended. A stop is looked at but not taken: if we are killed
 * then, the kernel delivers the signal that the thread has stopped for; of one that was taken it would think that we do that.
 */
static int look(struct inject *target, int *code)
{
	const int flags = WEXITED | WNOHANG | __WALL | __WNOTHREAD;
	siginfo_t info = {0};

	if (waitid(P_PID, (id_t)target->tid, &info, flags | WSTOPPED | WNOWAIT) < 0)
		return errno == ECHILD ? vanished(target) : 0;
	if (info.si_pid == 0)
		return 0;
	if (info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED) {
		*code = info.si_status;
		target->stopped = true;
		return 1;
	}
	/* The end of a child of ours is for whoever started it. */
	if (!target->own_child)
		waitid(P_PID, (id_t)target->tid, &info, flags);
	target->seized = false;
	return -ESRCH;
}

bool stop_is_job_control(int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

static enum stop kind(int code, int *signal)
{
	*signal = 0;
	if (code >> 8 == PTRACE_EVENT_STOP)
		return (code & 0xff) == SIGTRAP ? STOP_TRAP : STOP_GROUP;
	if (code == SYSCALL_STOP)
		return STOP_SYSCALL;
	*signal = code & 0xff;
	return STOP_SIGNAL;
}

int stop_wait(struct inject *target, uint64_t deadline_ms, enum stop *stop, int *signal,
	      int (*serve)(void *data), void *data)
{
	uint64_t start = now_ns(), now;
	struct timespec pause = {0, SLEEP_MIN_NS};
	int code = 0, r;

	while ((r = look(target, &code)) == 0) {
		if (serve && (r = serve(data)) != 0)
			return r;
		now = now_ns();
		if (now / 1000000 >= deadline_ms)
			return -ETIMEDOUT;
		if (now - start < SPIN_NS) {
			sched_yield();
			continue;
		}
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < SLEEP_MAX_NS)
			pause.tv_nsec *= 2;
	}
	if (r < 0)
		return r;
	*stop = kind(code, signal);
	/* If that fails it has been killed, and calls nothing any more. */
	if (target->suspended_now)
		stop_suspend_seccomp(target, false);
	return 0;
}

int stop_suspend_seccomp(struct inject *target, bool on)
{
	long options = PTRACE_O_TRACESYSGOOD | (on ? (long)PTRACE_O_SUSPEND_SECCOMP : 0);

	if (ptrace(PTRACE_SETOPTIONS, target->tid, 0, options) < 0)
		return -errno;
	target->suspended_now = on;
	return 0;
}

int stop_killed(struct inject *target)
{
	uint64_t deadline = stop_now_ms() + END_TIMEOUT_MS;
	enum stop stop;
	int r, signal;

	target->stopped = false;
	r = stop_wait(target, deadline, &stop, &signal, NULL, NULL);
	if (r == 0) /* not killed: a new program, see vanished() */
		stop_detach(target, signal);
	else if (r != -ESRCH)
		stop_give_up(target);
	return -ESRCH;
}

int stop_continue(struct inject *target, int request, int signal)
{
	target->stopped = false;
	if (ptrace((enum __ptrace_request)request, target->tid, 0, (long)signal) < 0)
		return stop_killed(target);
	return 0;
}

bool stop_is_ours(const struct inject *target, int signal)
{
	siginfo_t info;
	uint64_t address;

	if (signal != SIGSYS || !target->trampoline ||
	    ptrace(PTRACE_GETSIGINFO, target->tid, 0, &info) < 0 || info.si_code <= 0)
		return false;
	address = (uintptr_t)info.si_call_addr;
	return address >= target->trampoline && address < target->trampoline + ARCH_TRAMPOLINE_MAX;
}

int stop_again(struct inject *target, int signal, uint64_t deadline_ms)
{
	enum stop stop;
	int r;

	for (;;) {
		if (signal && stop_is_job_control(signal)) {
			stop_detach(target, signal);
			return -EBUSY;
		}
		if (stop_is_ours(target, signal))
			signal = 0;
		/* Any stop takes an earlier request back. */
		if (ptrace(PTRACE_INTERRUPT, target->tid, 0, 0) < 0)
			return stop_killed(target);
		if ((r = stop_continue(target, PTRACE_CONT, signal)) < 0 ||
		    (r = stop_wait(target, deadline_ms, &stop, &signal, NULL, NULL)) < 0)
			return r;
		if (stop == STOP_TRAP)
			return 0;
		if (stop == STOP_GROUP) {
			stop_detach(target, 0);
			return -EBUSY;
		}
	}
}

int stop_interrupt(struct inject *target, uint64_t deadline_ms)
{
	enum stop stop;
	int signal, r;

	if (ptrace(PTRACE_INTERRUPT, target->tid, 0, 0) < 0)
		return stop_killed(target);
	r = stop_wait(target, deadline_ms, &stop, &signal, NULL, NULL);
	if (r < 0 || stop == STOP_TRAP)
		return r;
	if (stop != STOP_GROUP)
		return stop_again(target, signal, deadline_ms);
	stop_detach(target, 0);
	return -EBUSY;
}

int stop_restore(struct inject *target)
{
	if (!target->changed)
		return 0;
	waits_shorten(target);
	if (arch_set_regs(target->tid, &target->saved) < 0)
		return stop_killed(target);
	target->changed = false;
	trampoline_release(target);
	return 0;
}

int stop_settle(struct inject *target, uint64_t deadline_ms)
{
	enum stop stop = STOP_SYSCALL;
	int signal, r;

	if (!target->changed)
		return 0;
	while (stop == STOP_SYSCALL) {
		if (ptrace(PTRACE_INTERRUPT, target->tid, 0, 0) < 0)
			return stop_killed(target);
		if ((r = stop_continue(target, PTRACE_CONT, 0)) < 0 ||
		    (r = stop_wait(target, deadline_ms, &stop, &signal, NULL, NULL)) < 0)
			return r;
	}
	if (stop == STOP_GROUP) {
		stop_detach(target, 0);
		return -EBUSY;
	}
	if (stop_is_ours(target, signal))
		signal = 0;
	if ((r = stop_restore(target)) < 0 || stop == STOP_TRAP)
		return r;
	r = stop_again(target, signal, deadline_ms);
	return r < 0 ? r : 1;
}
