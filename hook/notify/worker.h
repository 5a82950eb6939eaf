/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The working processes of oci-ksmd, both forked by the keeper: the worker answers notifications and does
 * nothing else, the marker (marker.h) marks memory. Each can be killed at any moment.
 */
#ifndef HOOK_NOTIFY_WORKER_H
#define HOOK_NOTIFY_WORKER_H

#include <stdint.h>

#include "hook/notify/journal.h"

/*
 * What the keeper tells both: a listener was added (its descriptor comes with the message). The entry of the
 * journal was filled in before, all zero behind `notify`, `held` last. Also of use for one that is
 * known already: the new descriptor replaces the old.
 */
struct worker_message {
	uint32_t index; /* in the journal */
};
/*
 * What the worker tells the keeper: nobody is left who uses the filter of that listener. The worker has closed
 * its descriptor, the marker does by itself; the keeper closes its own, zeroes the entry, `held` first.
 */
struct keeper_message {
	uint32_t index, serial;
};

/*
 * eventfds (EFD_NONBLOCK | EFD_CLOEXEC) by which worker and marker wake each other. The keeper makes them before it
 * forks the first and gives the same ones to each that it forks later.
 */
struct worker_wakes {
	int worker, marker;
	uint32_t serial; /* of the last listener that was held when this process was forked */
};

/*
 * Answers until the keeper ends or kills it. `keeper` is a SOCK_SEQPACKET socket to it; all listeners that
 * the journal holds are open here under the numbers that it tells. `features`: enum probe. Returns when
 * the keeper is gone (end of file on `keeper`), never otherwise. There must be one worker at a time.
 */
void worker_run(struct journal *journal, int keeper, const struct worker_wakes *wakes,
		unsigned features);

/* In the worker: its descriptor of that listener, or -1. For one that becomes keeper. */
int worker_fd(uint32_t index);

#endif
