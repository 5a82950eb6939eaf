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

/* One thread of another process, seized by the calling thread, which alone may use this. */
struct inject {
	pid_t tid;
	bool seccomp_suspended; /* the target's filters do not see what is called */
	bool stopped;
	struct inject_regs saved; /* as they were, with orig_rax or its like */
	uint64_t saved_mask;	  /* blocked signals */
	int held_signal; /* a SIGSTOP that came meanwhile, given back at the end; 0: none */
};

/*
 * PTRACE_SEIZE and PTRACE_INTERRUPT: the thread will stop when it leaves what it is in. Refused:
 * -ESRCH gone, exiting or a zombie; -EBUSY traced by somebody else or in a job-control stop; -EPERM not
 * allowed. After success call inject_wait or inject_end.
 */
int inject_begin(pid_t tid, struct inject *ret, struct error *err) INJECT_MUST_CHECK;
/*
 * Waits until the thread has stopped, at most timeout_ms, and saves its state. -EAGAIN: it did not stop
 * in time, or is in a restartable sequence (rseq); -EOPNOTSUPP: it runs 32-bit code; -ESRCH: it ended.
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
 */
int inject_finish_call(struct inject *target, int timeout_ms, int (*serve)(void *data), void *data,
		       struct error *err) INJECT_MUST_CHECK;

/* Runs one system call in the stopped thread. *ret: what the kernel returned, -errno included. */
int inject_call(struct inject *target, long number, const unsigned long args[6], long *ret,
		struct error *err) INJECT_MUST_CHECK;

struct inject_range {
	uint64_t start, end;
};
/*
 * madvise for all ranges: one by one, or with process_madvise on itself (6.13) where `batch` is set and
 * it pays. *ret_done: how many took it. A range that is no longer mapped is no error. The stack of the
 * target is never written to: scratch memory is mapped and unmapped.
 */
int inject_madvise(struct inject *target, const struct inject_range *ranges, size_t count,
		   int advice, bool batch, size_t *ret_done, struct error *err) INJECT_MUST_CHECK;
/* PR_SET_MEMORY_MERGE (6.4) of the target's process. -EINVAL: this kernel has none. */
int inject_set_memory_merge(struct inject *target, bool on, struct error *err) INJECT_MUST_CHECK;

/*
 * Puts registers, blocked signals and held signals back and detaches; an interrupted system call goes on
 * as after any stop. Works in every state and after every error; does nothing when all is done.
 */
void inject_end(struct inject *target);

/* begin and wait for any thread of the process that can be stopped: the leader, else another. */
int inject_process(pid_t pid, int timeout_ms, struct inject *ret,
		   struct error *err) INJECT_MUST_CHECK;

/* Lets go of threads that stopped after inject_wait had given up; call it now and then. Returns how many still wait. */
size_t inject_reap(void);

#endif
