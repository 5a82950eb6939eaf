/* SPDX-License-Identifier: Apache-2.0 */
/* Letting go of a stopped thread, so that it goes on as if it had not been stopped. */
#include <errno.h>
#include <sys/ptrace.h>

#include "hook/inject/stop.h"

#define GIVEN_UP_MAX   512
#define GIVEN_UP_EACH  8 /* of one owner */
#define END_TIMEOUT_MS 1000

/* Those that would not stop in time. Of this thread: only the tracer can let go. */
static _Thread_local struct inject given_up[GIVEN_UP_MAX];
static _Thread_local size_t given_up_count;

void stop_detach(struct inject *target, int signal)
{
	if (stop_is_ours(target, signal))
		signal = 0;
	if (stop_restore(target) < 0)
		return;
	if (ptrace(PTRACE_DETACH, target->tid, 0, (long)signal) < 0) {
		stop_killed(target);
		return;
	}
	target->seized = false;
	target->stopped = false;
}

bool stop_may_give_up(unsigned owner)
{
	size_t count = 0;

	for (size_t i = 0; i < given_up_count; i++)
		count += given_up[i].owner == owner;
	return given_up_count < GIVEN_UP_MAX && count < GIVEN_UP_EACH;
}

void stop_give_up(struct inject *target)
{
	if (given_up_count < GIVEN_UP_MAX)
		given_up[given_up_count++] = *target;
	target->seized = false;
	target->stopped = false;
}

/* It was cut short, and the kernel will make it again. */
static bool call_is_pending(struct inject *target)
{
	return !target->ends_by_stop && arch_get_regs(target->tid, &target->saved) == 0 &&
	       arch_is_native(&target->saved) && arch_restarting(&target->saved) >= 0;
}

/*
 * A signal that has come before the call was entered again ends it as if it had come while the call was waiting: back to the
 * state in which it was cut short.
 */
static void cut_short_again(struct inject *target)
{
	struct inject_regs regs;

	if (arch_get_regs(target->tid, &regs) == 0 && arch_set_back(&regs, &target->saved))
		arch_set_regs(target->tid, &target->saved);
}

/*
 * One step towards letting go of a thread in this stop. If a call was cut short, only when it has been entered again: a signal
 * that came before that is handled, but would not end the call if nobody traced the thread any more.
 */
static void step(struct inject *target, enum stop stop, int signal)
{
	if (target->entering && stop == STOP_TRAP) {
		stop_continue(target, PTRACE_SYSCALL, 0);
		return;
	}
	if (target->entering) {
		if (stop != STOP_SYSCALL)
			cut_short_again(target);
		stop_detach(target, signal);
		return;
	}
	if (stop == STOP_SYSCALL) {
		ptrace(PTRACE_INTERRUPT, target->tid, 0, 0);
		stop_continue(target, PTRACE_CONT, 0);
		return;
	}
	if (stop_restore(target) < 0)
		return;
	target->entering = stop == STOP_TRAP && call_is_pending(target);
	if (target->entering)
		stop_continue(target, PTRACE_SYSCALL, 0);
	else
		stop_detach(target, signal);
}

void inject_end(struct inject *target)
{
	uint64_t deadline = stop_now_ms() + END_TIMEOUT_MS;
	enum stop stop;
	int signal;

	if (!target->seized)
		return;
	if (target->stopped)
		step(target, target->changed ? STOP_SYSCALL : STOP_TRAP, 0);
	else
		deadline = 0;
	while (target->seized) {
		int r = stop_wait(target, deadline, &stop, &signal, NULL, NULL);

		if (r == -ETIMEDOUT) {
			stop_give_up(target);
			return;
		}
		if (r == 0)
			step(target, stop, signal);
	}
}

size_t inject_reap(void)
{
	size_t count = given_up_count;

	/* Those that still wait move to the front, where all have been looked at. */
	given_up_count = 0;
	for (size_t i = 0; i < count; i++) {
		struct inject target = given_up[i];
		enum stop stop;
		int signal;

		if (stop_wait(&target, 0, &stop, &signal, NULL, NULL) == 0)
			step(&target, stop, signal);
		if (!target.seized)
			continue;
		/*
		 * Again: a request that came while the process executed a program can be lost. On its way
		 * into a call the thread would never get there.
		 */
		if (!target.stopped && !target.entering)
			ptrace(PTRACE_INTERRUPT, target.tid, 0, 0);
		stop_give_up(&target);
	}
	return given_up_count;
}
