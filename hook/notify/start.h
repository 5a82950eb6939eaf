/* SPDX-License-Identifier: Apache-2.0 */
/* How a keeper comes to what it holds: from nothing, from the service manager's store, from the program before it. */
#ifndef HOOK_NOTIFY_START_H
#define HOOK_NOTIFY_START_H

#include "hook/notify/handover.h"
#include "oci-config/error.h"

struct keeper;

/* Listens at `path` unless the service manager gave a socket, and takes up what it kept. */
int start_serving(struct keeper *k, const char *path, struct error *err);
/* Goes on where the program before this one (exec) stopped. */
int start_taking_over(struct keeper *k, const struct handover *handover, struct error *err);

#endif
