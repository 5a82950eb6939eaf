/* SPDX-License-Identifier: Apache-2.0 */
/* The state in which a thread was found, and what becomes of the call that it was in. Used by this folder only. */
#ifndef HOOK_INJECT_STATE_H
#define HOOK_INJECT_STATE_H

#include "hook/inject/inject.h"

/*
 * Does the thread wait in a call that a stop would end or begin anew, with all of its time? (Linux gives EINTR for some calls
 * after a mere stop: signal(7), "Interruption of system calls and library functions by stop signals".)
 */
bool state_is_timed_wait(pid_t tid);
/* Before the thread is stopped: notes since when it sleeps, if it is in such a call. */
void state_before(struct inject *target);
/*
 * In a stop on the way back to the program: saves the registers. A call that only our stop has ended will be made
 * again, with the time that was left. -EOPNOTSUPP: no 64-bit code; -EAGAIN: within a restartable sequence; -ESRCH.
 */
int state_save(struct inject *target);

#endif
