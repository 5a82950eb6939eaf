/* SPDX-License-Identifier: Apache-2.0 */
/* Where the worker runs while one thread alone makes it work. */
#ifndef HOOK_NOTIFY_HANDOFF_H
#define HOOK_NOTIFY_HANDOFF_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * A thread that maps again and again and the worker take turns. On one CPU that is a switch; on two, each turn wakes a CPU that
 * sleeps (64 KiB mapped, touched and unmapped: 1.79 times the native time instead of 1.25). epoll loses the kernel's hint
 * to stay, so the worker keeps to its CPU as long as the same thread calls; SYNC_WAKE_UP brings that thread there. As soon
 * as another calls, all CPUs are right again: nobody is to queue for one.
 */
struct handoff {
	cpu_set_t all; /* where it may run */
	bool usable, kept;
	uint32_t tid, in_row;
};

/* `usable`: the kernel has SYNC_WAKE_UP. */
void handoff_init(struct handoff *handoff, bool usable);
/* This thread was answered. */
void handoff_note(struct handoff *handoff, uint32_t tid);
/* All CPUs again. */
void handoff_done(struct handoff *handoff);

#endif
