/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shim marks from inside what programs map; it has to learn that it must not any more. A program that runs: a word in its
 * memory, which the shim's note tells (shim/off.h). One that starts later: a file in the container's /dev.
 */
#ifndef HOOK_MARK_SHIM_H
#define HOOK_MARK_SHIM_H

#include <stdbool.h>

/*
 * dir: of process_open_alive. Nothing where there is no shim. `container`: also for what its container starts from now on, if
 * that has a /dev of its own in memory, and we may act as its owner.
 */
void shim_switch(int dir, bool off, bool container);

#endif
