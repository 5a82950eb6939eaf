/* SPDX-License-Identifier: Apache-2.0 */
/* Receiving one seccomp notification into the journal, and letting its call go on. */
#ifndef HOOK_NOTIFY_ANSWER_H
#define HOOK_NOTIFY_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "hook/notify/journal.h"

/* Times in the journal: CLOCK_BOOTTIME in ns, as start times of processes count. */
uint64_t answer_now(void);

/*
 * Receives one notification into the slot, which is empty. 1: there it is. 0: nothing (a signal took the call back).
 * -errno: this is no listener. Call it only if the listener is readable: it waits otherwise.
 */
int answer_receive(int fd, union journal_notif *slot);
/* Notes the thread of what is in the slot. True: the marker has to be told. */
bool answer_note(struct journal_listener *listener, const union journal_notif *slot);
/* Lets the call go on and empties the slot. Also right if it has been answered already. */
void answer_continue(int fd, union journal_notif *slot);
/* What a predecessor left in the slot: notes and answers it. True: the marker has to be told. */
bool answer_recover(struct journal_listener *listener, int fd, union journal_notif *slot);

#endif
