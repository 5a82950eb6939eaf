/* SPDX-License-Identifier: Apache-2.0 */
/* A look at a tracked process, and what follows from how it ended. */
#ifndef HOOK_NOTIFY_LOOK_H
#define HOOK_NOTIFY_LOOK_H

#include "hook/inject/inject.h"
#include "hook/notify/container.h"

/* `held`: a thread of it that is stopped already, or NULL. The process may be forgotten by it. */
void look(struct marker *marker, struct container *container, struct tracked *process,
	  struct inject *held);

#endif
