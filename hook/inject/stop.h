/* SPDX-License-Identifier: Apache-2.0 */
/* Stops of a traced thread: waiting for them, going on from them, letting go. Used by this folder only. */
#ifndef HOOK_INJECT_STOP_H
#define HOOK_INJECT_STOP_H

#include "hook/inject/inject.h"

enum stop {
	STOP_TRAP,    /* the one that PTRACE_INTERRUPT asked for */
	STOP_SIGNAL,  /* a signal is about to be delivered */
	STOP_GROUP,   /* a job-control stop */
	STOP_SYSCALL, /* entry or exit of a system call */
};

uint64_t stop_now_ms(void);
/*
 * Waits for the next stop; sets target->stopped. *signal: of STOP_SIGNAL. -ESRCH: the thread has ended (it is no longer
 * seized then); -ETIMEDOUT. `serve`, if there is one, is called between looks; what it returns but 0 ends the wait.
 */
int stop_wait(struct inject *target, uint64_t deadline_ms, enum stop *stop, int *signal,
	      int (*serve)(void *data), void *data);
/*
 * A traced thread does not answer in a stop: it has been killed. Waits for its end, so that no zombie stays with us. -ESRCH.
 */
int stop_killed(struct inject *target);
/* A job-control signal: whoever delivers it must let go. */
bool stop_is_job_control(int signal);
/* A signal that our own call brought about: that thread's system calls are dispatched, or trapped by a filter. */
bool stop_is_ours(const struct inject *target, int signal);
/*
 * From a stop: until the next one, the thread's filters do not see what it calls. Only at the entry of a call that is
 * known: they would not see what the program calls by itself. 0 or -errno.
 */
int stop_suspend_seccomp(struct inject *target, bool on);
/* From a stop: on with PTRACE_CONT or PTRACE_SYSCALL. -ESRCH: killed meanwhile. */
int stop_continue(struct inject *target, int request, int signal);
/*
 * From a stop with the registers as they should be: delivers the signal, if any, and stops again as soon as the kernel is
 * about to return to the program; further signals are delivered. -EBUSY: a job-control stop, let go.
 */
int stop_again(struct inject *target, int signal, uint64_t deadline_ms);
/* The same for a thread that runs. */
int stop_interrupt(struct inject *target, uint64_t deadline_ms);
/*
 * From any stop, with whatever registers, to one on the way back to the program with those that it should have. 1: a signal
 * came, and they are no longer those that are saved.
 */
int stop_settle(struct inject *target, uint64_t deadline_ms);
/* Puts the saved registers back, if they were changed. Only in a stop that is none of a system call. */
int stop_restore(struct inject *target);
/* Restores and detaches, from such a stop. */
void stop_detach(struct inject *target, int signal);
/* The thread is running, seized: it is let go when it stops, by inject_reap. */
void stop_give_up(struct inject *target);
/* Room for one more of this owner's that gives up? */
bool stop_may_give_up(unsigned owner);

#endif
