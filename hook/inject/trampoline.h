/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where injected calls are executed: code that makes the system call and then restores the registers by itself and goes on
 * where the thread was. While we live it never gets beyond the call; if we are killed, it saves the thread. It is written into the
 * end of the vDSO's last page, which nothing uses (as a debugger's breakpoint would be: the process gets a page of its own there).
 */
#ifndef HOOK_INJECT_TRAMPOLINE_H
#define HOOK_INJECT_TRAMPOLINE_H

#include "hook/inject/inject.h"

/*
 * Sets trampoline and scratch of a stopped thread. -EOPNOTSUPP: the process has no vDSO, or not the one that this process has;
 * -EAGAIN: all places are taken. One that was not released, because we were killed, is left alone for some seconds: the
 * thread may still be in it.
 */
int trampoline_place(struct inject *target, struct error *err);
/* The thread is no longer in it. */
void trampoline_release(struct inject *target);
/* Writes words (a multiple of 8 bytes) into the target's memory, whatever its protection. 0 or -errno. */
int trampoline_poke(pid_t tid, uint64_t address, const void *data, size_t size);

#endif
