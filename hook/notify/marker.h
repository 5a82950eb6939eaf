/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The marker: a process of its own, because a thread that it has stopped runs on with foreign registers if
 * it is killed in the middle of an injected call. So it outlives the worker; and to end it, close its socket.
 */
#ifndef HOOK_NOTIFY_MARKER_H
#define HOOK_NOTIFY_MARKER_H

#include "hook/notify/journal.h"
#include "hook/notify/worker.h"

/*
 * As worker_run: forked by the keeper, gets the same messages on a socket of its own, sends none. Returns when the
 * keeper has closed that socket, never in the middle of a call: at an upgrade wait some 100 ms for it
 * before SIGKILL. No PR_SET_PDEATHSIG. If it dies, fork the next one: nothing is lost. `switched`: the folder of what was
 * switched off (off.h), or -1.
 */
void marker_run(struct journal *journal, int keeper, const struct worker_wakes *wakes,
		unsigned features, int switched);

#endif
