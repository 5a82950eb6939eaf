/* SPDX-License-Identifier: Apache-2.0 */
/* Programs without address space randomization (ADDR_NO_RANDOMIZE): their copies have more equal pages. */
#ifndef HOOK_COMMON_LAYOUT_H
#define HOOK_COMMON_LAYOUT_H

#include <stdbool.h>
#include <sys/types.h>

#include "oci-config/error.h"

/* For what this thread executes from now on, and what that starts; set-uid programs excepted. */
int layout_share(bool on, struct error *err);
/* Is it so in that process? 1, 0, or -errno. */
int layout_is_shared(pid_t pid);

#endif
