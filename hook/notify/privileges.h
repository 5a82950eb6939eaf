/* SPDX-License-Identifier: Apache-2.0 */
/* What oci-ksmd may do on a host. */
#ifndef HOOK_NOTIFY_PRIVILEGES_H
#define HOOK_NOTIFY_PRIVILEGES_H

#include "oci-config/error.h"

/* Gives up, for good, what is not needed: also for a program that this one is replaced by. */
int privileges_drop(struct error *err);

#endif
