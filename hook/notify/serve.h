/* SPDX-License-Identifier: Apache-2.0 */
/* notify.sync: the marker's part. */
#ifndef HOOK_NOTIFY_SERVE_H
#define HOOK_NOTIFY_SERVE_H

#include "hook/notify/container.h"

/* If it is the marker's turn: answers the call that the worker handed over, marks, gives the listener back. */
void sync_serve(struct marker *marker, struct container *container);

#endif
