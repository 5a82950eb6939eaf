/* SPDX-License-Identifier: Apache-2.0 */
/* Finding what no notification tells: heaps that grow by brk, small mappings that become one, programs that were exec'd. */
#ifndef HOOK_NOTIFY_WATCH_H
#define HOOK_NOTIFY_WATCH_H

#include "hook/notify/container.h"

#define WATCH_EVERY (500 * PACE_MS)

/* From now on; containers that are marked as a whole only until `until`, 0 for not at all. */
void watch_begin(struct container *container, uint64_t now, uint64_t until);
/* At container->watch_next: gives each process that needs a look its time. */
void watch_tick(struct container *container, uint64_t now);

#endif
