/* SPDX-License-Identifier: Apache-2.0 */
/* Making a whole container mergeable through its first process, which waits for this hook. */
#ifndef HOOK_STAGES_WHOLE_H
#define HOOK_STAGES_WHOLE_H

#include <stdbool.h>
#include <sys/types.h>

#include "oci-config/error.h"

/*
 * Sets PR_SET_MEMORY_MERGE in the container's init, which has not executed the container's program yet: that and all
 * that it starts inherit it. `pid` comes from the state on stdin: refused (-EPERM) unless the runtime that started this
 * hook, or one of its own ancestors, is the parent of that process. Stops it for less than a millisecond.
 */
int whole_enter(pid_t pid, struct error *err);
/* The same for ADDR_NO_RANDOMIZE, in or out of its personality. -EAGAIN: the thread that executes the program cannot be had. */
int whole_share_layout(pid_t pid, bool on, struct error *err);

#endif
