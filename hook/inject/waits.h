/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that a mere stop ends with EINTR (signal(7), "Interruption of system calls and library functions by stop signals"): they
 * are made again, with the time that was left. Used by this folder only.
 */
#ifndef HOOK_INJECT_WAITS_H
#define HOOK_INJECT_WAITS_H

#include "hook/inject/inject.h"

/* Does the thread wait in such a call for a time? Better not to disturb it. */
bool waits_is_timed(pid_t tid);
/* Before the thread is stopped: notes since when it sleeps, if it is in such a call. */
void waits_before(struct inject *target);
/* Changes the saved registers of a thread that such a call has just left, so that it is made again. Was there one? */
bool waits_restart(struct inject *target);
/* Before they are put back: less time is left by now. */
void waits_shorten(struct inject *target);

#endif
