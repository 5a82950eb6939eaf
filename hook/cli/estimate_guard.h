/* SPDX-License-Identifier: Apache-2.0 */
/* Is a thread that reads other programs' memory held up by one of them, for whatever reason? */
#ifndef HOOK_CLI_ESTIMATE_GUARD_H
#define HOOK_CLI_ESTIMATE_GUARD_H

#include <stdbool.h>
#include <sys/types.h>

/* What the thread had used when it began with something. Seconds. */
struct guard {
	pid_t tid;
	double wall, on_cpu, runnable;
	double asked; /* when guard_is_held_up was called last */
};

void guard_begin(struct guard *guard, pid_t tid);

/*
 * To be asked some times a second: since then it has slept for 3 s more than it may in this time of work. On a busy machine it
 * waits for a CPU: that is no sleep. Nor is it when the whole program was stopped (nobody asked): it has begun only then.
 */
bool guard_is_held_up(struct guard *guard);

#endif
