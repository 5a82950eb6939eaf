/* SPDX-License-Identifier: Apache-2.0 */
/* The working process of oci-ksmd: answers notifications and marks memory. It can be killed at any moment. */
#ifndef HOOK_NOTIFY_WORKER_H
#define HOOK_NOTIFY_WORKER_H

#include <stdint.h>

#include "hook/notify/journal.h"

/* What the keeper tells the worker: a listener was added (its descriptor comes with the message). */
struct worker_message {
	uint32_t index; /* in the journal */
};
/* What the worker tells the keeper: nobody is left who uses the filter of that listener; close it. */
struct keeper_message {
	uint32_t index;
};

/*
 * Serves until the keeper ends or kills it. `keeper` is a SOCK_SEQPACKET socket to it; all listeners that
 * the journal holds are open here under the numbers that it tells. `features`: enum probe. Returns when
 * the keeper is gone (end of file on `keeper`), never otherwise.
 */
void worker_run(struct journal *journal, int keeper, unsigned features);

#endif
