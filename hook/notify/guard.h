/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the marker reads and writes in programs can be memory that a userfaultfd or FUSE provides, and what it stops can
 * be anywhere in the kernel: a program can hold the marker up for ever, and with it all other containers. So it is killed when
 * it has got nowhere for GUARD_MS, and the next one leaves that container alone for a while.
 */
#ifndef HOOK_NOTIFY_GUARD_H
#define HOOK_NOTIFY_GUARD_H

#include "hook/notify/journal.h"

#define GUARD_MS 3000

/* In a new marker: was its predecessor held up? Notes it for that container. */
void guard_start(struct journal *journal);
/* From here to guard_end the marker is busy with that container. */
void guard_begin(struct journal *journal, uint32_t index);
/* It gets on. */
void guard_go_on(void);
void guard_end(struct journal *journal);
/* When may that container be touched again? CLOCK_BOOTTIME, ns; 0: it has done nothing wrong. */
uint64_t guard_left_alone(const struct journal_listener *listener);

#endif
