/* SPDX-License-Identifier: Apache-2.0 */
/* Trying the kernel's features one by one. Each runs in a child of its own, whose process it may change. Used by probe.c. */
#ifndef HOOK_COMMON_PROBE_TRIES_H
#define HOOK_COMMON_PROBE_TRIES_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * How a child ends that could not try: for want of memory, processes, descriptors. Its answer counts as no, but not for long:
 * it is not kept.
 */
#define PROBE_UNSURE 2

/* A child whose end is told to nobody but the waitpid below: 0 in the child, else as fork. */
pid_t probe_fork(void);
/* The same in such a child, which ends with PROBE_UNSURE where there can be no other. */
pid_t probe_fork_again(void);
/* Waits for it: how it exited, or PROBE_UNSURE if it was killed. */
int probe_wait(pid_t child);

/* Passes on how a call went; but the child ends with PROBE_UNSURE if it failed (errno) for want of memory or descriptors. */
bool probe_tell(bool works);
/* prctl(PR_SET_MEMORY_MERGE) on the calling process: does it work? */
bool probe_set_memory_merge(void);

bool probe_try_exec_inherit(void);
bool probe_try_listener(void);
bool probe_try_notify(void);
bool probe_try_sync_wake_up(void);
bool probe_try_wait_killable(void);
/* probe_vmas.c */
bool probe_try_vma_merge(void);

#endif
