/* SPDX-License-Identifier: Apache-2.0 */
/* What the real runtime can do with seccomp profiles: its "features" command, asked once. */
#ifndef HOOK_RUNTIME_FEATURES_H
#define HOOK_RUNTIME_FEATURES_H

#include "hook/common/container.h"
#include "oci-config/error.h"

/*
 * container.h's ask_runtime. -EINVAL if c->runtime says that it cannot notify; a runtime that has no
 * such command can, as far as is known. The answer is kept in the folder of state, for as long as the
 * program is the same file.
 */
int features_ask(struct container *c, unsigned kernel, struct error *err);

#endif
