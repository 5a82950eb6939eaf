/* SPDX-License-Identifier: Apache-2.0 */
/* Running system calls inside another process: stop one thread, call, put everything back, let go. */
#ifndef HOOK_INJECT_INJECT_H
#define HOOK_INJECT_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hook/inject/arch.h"
#include "oci-config/error.h"

#define INJECT_MUST_CHECK __attribute__((warn_unused_result))

/*
 * One thread of another process, seized by the calling thread, which alone may use this. The caller may be killed at any
 * moment: the kernel then lets the thread go, and what it executes just then leads back to where it was (trampoline.h).
 * Signals are not held up: one that comes while the thread is stopped is delivered first, to the state that was saved.
 */
struct inject {
	pid_t tid, tgid;
	unsigned owner;		/* inject_for */
	bool own_child;		/* of this process: its end is not ours to wait for */
	bool seized;		/* and not yet let go */
	bool strict;		/* seccomp's first mode: any other call than four would kill it */
	bool seccomp_suspended; /* the target's filters do not see what is called */
	bool suspended_now;	/* it is in such a call, until it stops the next time */
	bool stopped;
	bool ends_by_stop;	  /* its call; was set to be made again, see waits.h */
	bool entering;		  /* the call that was cut short, once more, to be let go then */
	bool changed;		  /* the registers are not the saved ones */
	struct inject_regs saved; /* as they were, with orig_rax or its like */
	uint64_t trampoline;	  /* written for this saved state; 0: not yet */
	uint64_t scratch;	  /* beside the trampolines, for arguments in memory */
	size_t scratch_size;
	/* Of a call that waits for a time (waits.h); 0: of none, or unknown. */
	uint64_t slept_since, slept_times, wait_end;
	int slept_cpu;
	unsigned wait_argument;
};

/*
 * Whose threads are begun with from here on (any number; 0 at first): only so many of one owner's may be waited for by
 * inject_reap, so that nobody's threads that never stop are a matter of others. Beyond that inject_begin refuses with -EBUSY.
 */
void inject_for(unsigned owner);
/*
 * PTRACE_SEIZE and PTRACE_INTERRUPT: the thread will stop when it leaves what it is in. Refused:
 * -ESRCH gone, exiting or a zombie; -EBUSY traced by somebody else or in a job-control stop; -EPERM not
 * allowed. After success call inject_wait or inject_end.
 */
int inject_begin(pid_t tid, struct inject *ret, struct error *err) INJECT_MUST_CHECK;
/*
 * Waits until the thread has stopped, at most timeout_ms, and saves its state. -EAGAIN: it did not stop
 * in time, or is in a restartable sequence (rseq); -EOPNOTSUPP: it runs 32-bit code; -ESRCH: it ended; -EBUSY: a job-control stop.
 * On an error the thread has been let go (or will be, by inject_reap): no inject_end.
 */
int inject_wait(struct inject *target, int timeout_ms, struct error *err) INJECT_MUST_CHECK;
/*
 * The thread was stopped while a system call had not been executed yet and would be restarted (a seccomp
 * notification that the stop cut short): returns its number, else -1.
 */
long inject_restarting(const struct inject *target);
/*
 * Lets that call be executed now, up to its end, and saves the state after it. `serve` is called again
 * and again while it is not finished: it must answer the call's notification, and returns 0 to go on.
 * -EINTR: a signal came, and its handler runs before the call does: the thread is stopped at its first instruction.
 * -ETIMEDOUT: it is not finished; the thread is stopped as before the call, or let go if it would not stop again.
 */
int inject_finish_call(struct inject *target, int timeout_ms, int (*serve)(void *data), void *data,
		       struct error *err) INJECT_MUST_CHECK;

/*
 * Runs one system call in the stopped thread. *ret: what the kernel returned, -errno included. Errors are about the
 * thread, and it has been let go then: -ESRCH; -EBUSY: a job-control stop; -EAGAIN: signals leave no time; -EOPNOTSUPP: it
 * cannot be done there (no vDSO, or not the kernel's; system calls are dispatched to the program).
 */
int inject_call(struct inject *target, long number, const unsigned long args[6], long *ret,
		struct error *err) INJECT_MUST_CHECK;

struct inject_range {
	uint64_t start, end;
};
/*
 * madvise for all ranges: one by one, or with process_madvise on itself (6.13) where `batch` is set and
 * it pays. *ret_done: how many took it. A range that is no longer mapped is no error. Neither stack nor
 * heap of the target is written to.
 */
int inject_madvise(struct inject *target, const struct inject_range *ranges, size_t count,
		   int advice, bool batch, size_t *ret_done, struct error *err) INJECT_MUST_CHECK;
/* PR_SET_MEMORY_MERGE (6.4) of the target's process. -EINVAL: this kernel has none. */
int inject_set_memory_merge(struct inject *target, bool on, struct error *err) INJECT_MUST_CHECK;

/*
 * Names of the system calls that a thread makes because of inject_madvise (without `batch`) and inject_set_memory_merge, up to
 * inject_end; NULL terminated. restart_syscall is the kernel's own, after any stop. What was cut short is made again.
 */
extern const char *const inject_mark_calls[];

/* ADDR_NO_RANDOMIZE in or out of the personality of this thread: of what it executes from now on. */
int inject_share_layout(struct inject *target, bool on, struct error *err) INJECT_MUST_CHECK;

/*
 * Puts the registers back and detaches; a system call that was cut short has been entered again by then. Works in
 * every state and after every error; does nothing when all is done.
 */
void inject_end(struct inject *target);

/*
 * begin and wait for a thread of the process that can be stopped: the leader, else another; one that would notice least.
 * -EAGAIN also: none can be now (all in uninterruptible sleep, such as the parent of a vfork).
 */
int inject_process(pid_t pid, int timeout_ms, struct inject *ret,
		   struct error *err) INJECT_MUST_CHECK;

/* Lets go of threads that stopped after inject_wait had given up; call it now and then. Returns how many still wait. */
size_t inject_reap(void);

#endif
