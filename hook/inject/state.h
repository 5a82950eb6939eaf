/* SPDX-License-Identifier: Apache-2.0 */
/* The state in which a thread was found. Used by this folder only. */
#ifndef HOOK_INJECT_STATE_H
#define HOOK_INJECT_STATE_H

#include "hook/inject/inject.h"

/*
 * In a stop on the way back to the program: saves the registers. A call that only our stop has ended will be made
 * again, with the time that was left. -EOPNOTSUPP: no 64-bit code; -EAGAIN: within a restartable sequence; -ESRCH.
 */
int state_save(struct inject *target);

#endif
