/* SPDX-License-Identifier: Apache-2.0 */
/* System calls in a stopped thread. */
#include <errno.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "hook/inject/inject.h"
#include "hook/inject/state.h"
#include "hook/inject/stop.h"
#include "hook/inject/trampoline.h"

#define CALL_TIMEOUT_MS 1000

#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67 /* Linux 6.4 */
#endif

const char *const inject_mark_calls[] = {"madvise", "prctl", "restart_syscall", NULL};

/* To the entry of a call that is set up. 1: there; 0: a signal came first, and a new state is saved. */
static int enter(struct inject *target, uint64_t deadline)
{
	enum stop stop;
	int signal, r;
	bool ours;

	do {
		if ((r = stop_continue(target, PTRACE_SYSCALL, 0)) < 0 ||
		    (r = stop_wait(target, deadline, &stop, &signal, NULL, NULL)) < 0)
			return r;
	} while (stop == STOP_TRAP);
	if (stop == STOP_SYSCALL)
		return 1;
	if (stop == STOP_GROUP) {
		stop_detach(target, 0);
		return -EBUSY;
	}
	ours = stop_is_ours(target, signal);
	if ((r = stop_restore(target)) < 0 ||
	    (r = stop_again(target, ours ? 0 : signal, deadline)) < 0 ||
	    (r = state_save(target)) < 0)
		return r;
	return ours ? -EOPNOTSUPP : 0;
}

/* Is the thread at the entry of just this call? Another thread may have changed the code that led here. */
static bool is_call(const struct inject_regs *regs, long number, const unsigned long args[6])
{
	if (arch_number(regs) != number)
		return false;
	for (unsigned i = 0; i < 6; i++)
		if (arch_argument(regs, i) != args[i])
			return false;
	return true;
}

/* From the entry of a call to its exit; `known`: is_call. */
static int pass(struct inject *target, bool known, uint64_t deadline, int (*serve)(void *data),
		void *data)
{
	enum stop stop;
	int signal, r;

	if (known && target->seccomp_suspended && stop_suspend_seccomp(target, true) < 0)
		return stop_killed(target);
	do {
		if ((r = stop_continue(target, PTRACE_SYSCALL, 0)) < 0 ||
		    (r = stop_wait(target, deadline, &stop, &signal, serve, data)) < 0)
			return r;
	} while (stop != STOP_SYSCALL);
	return 0;
}

/* One try: 1: *ret is the result; 0: a signal came first. */
static int try_call(struct inject *target, long number, const unsigned long args[6],
		    uint64_t deadline, long *ret, struct error *err)
{
	struct inject_regs regs;
	int r;

	if (!target->trampoline && (r = trampoline_place(target, err)) < 0)
		return r;
	arch_set_call(&regs, &target->saved, target->trampoline, number, args);
	if (arch_set_regs(target->tid, &regs) < 0)
		return stop_killed(target);
	target->changed = true;
	if ((r = enter(target, deadline)) <= 0)
		return r;
	if (arch_get_regs(target->tid, &regs) < 0)
		return stop_killed(target);
	if (!arch_entered(&regs, target->trampoline) || !is_call(&regs, number, args))
		return -EPROTO;
	if ((r = pass(target, true, deadline, NULL, NULL)) < 0)
		return r;
	if (arch_get_regs(target->tid, &regs) < 0)
		return stop_killed(target);
	*ret = arch_result(&regs);
	return 1;
}

int inject_call(struct inject *target, long number, const unsigned long args[6], long *ret,
		struct error *err)
{
	uint64_t deadline = stop_now_ms() + CALL_TIMEOUT_MS;
	pid_t tid = target->tid;
	struct error why = {0};
	int r;

	if (!target->seized || !target->stopped)
		return error_set(err, ESRCH, "thread %d is not stopped", (int)tid);
	do
		r = try_call(target, number, args, deadline, ret, &why);
	while (r == 0 && stop_now_ms() < deadline);
	if (r > 0)
		return 0;
	inject_end(target);
	if (why.code && err)
		*err = why;
	if (why.code)
		return r;
	return error_set(err, r == 0 || r == -ETIMEDOUT ? EAGAIN : -r, "thread %d", (int)tid);
}

int inject_set_memory_merge(struct inject *target, bool on, struct error *err)
{
	const unsigned long args[6] = {PR_SET_MEMORY_MERGE, on};
	long result = 0;
	int r = inject_call(target, SYS_prctl, args, &result, err);

	if (r < 0)
		return r;
	if (result != 0) /* positive: a filter trapped it */
		return error_set(err, result < 0 ? (int)-result : EPERM, "PR_SET_MEMORY_MERGE");
	return 0;
}

int inject_share_layout(struct inject *target, bool on, struct error *err)
{
	unsigned long args[6] = {0xffffffff}; /* asks only */
	long result = 0;
	int r = inject_call(target, SYS_personality, args, &result, err);

	if (r == 0 && result >= 0) {
		args[0] = (unsigned long)result & ~(unsigned long)ADDR_NO_RANDOMIZE;
		args[0] |= on ? ADDR_NO_RANDOMIZE : 0;
		r = inject_call(target, SYS_personality, args, &result, err);
	}
	if (r == 0 && result < 0)
		return error_set(err, (int)-result, "personality");
	return r;
}

long inject_restarting(const struct inject *target)
{
	return arch_restarting(&target->saved);
}

/* The call that was cut short, from its entry to its exit. 1: it has ended; 0: a signal came first. */
static int finish(struct inject *target, uint64_t deadline, int (*serve)(void *data), void *data)
{
	struct inject_regs regs;
	unsigned long args[6];
	long number = inject_restarting(target);
	int r;

	for (unsigned i = 0; i < 6; i++)
		args[i] = arch_argument(&target->saved, i);

	r = stop_settle(target, deadline);
	if (r == 1)
		return state_save(target);
	if (r < 0 || (r = enter(target, deadline)) <= 0)
		return r;
	if (arch_get_regs(target->tid, &regs) < 0)
		return stop_killed(target);
	/* The filters have seen it before. */
	r = pass(target, is_call(&regs, number, args), deadline, serve, data);
	return r < 0 ? r : 1;
}

int inject_finish_call(struct inject *target, int timeout_ms, int (*serve)(void *data), void *data,
		       struct error *err)
{
	uint64_t now = stop_now_ms();
	pid_t tid = target->tid;
	int r, back = 0;

	if (!target->seized || !target->stopped || inject_restarting(target) < 0)
		return error_set(err, ESRCH, "thread %d has no call to finish", (int)tid);
	r = finish(target, now + (uint64_t)timeout_ms, serve, data);
	if (r == 0)
		return error_set(err, EINTR, "thread %d", (int)tid);
	if (target->seized && target->stopped)
		back = stop_again(target, 0, stop_now_ms() + CALL_TIMEOUT_MS);
	else if (target->seized)
		back = stop_interrupt(target, stop_now_ms() + CALL_TIMEOUT_MS);
	if (back == 0 && target->seized)
		back = state_save(target);
	if (back < 0 && target->seized)
		inject_end(target);
	if (r == 1 && back == 0)
		return 0;
	return error_set(err, r < 0 ? -r : -back, "thread %d", (int)tid);
}
