/* SPDX-License-Identifier: Apache-2.0 */
/* Trying the kernel's features one by one. Each runs in a child of its own, whose process it may change. Used by probe.c. */
#ifndef HOOK_COMMON_PROBE_TRIES_H
#define HOOK_COMMON_PROBE_TRIES_H

#include <stdbool.h>
#include <sys/types.h>

/* A child whose end is told to nobody but the waitpid below: 0 in the child, else as fork. */
pid_t probe_fork(void);
/* Waits for it: did it exit with 0? */
bool probe_wait(pid_t child);

bool probe_try_exec_inherit(void);
bool probe_try_notify(void);
bool probe_try_sync_wake_up(void);
bool probe_try_wait_killable(void);

#endif
