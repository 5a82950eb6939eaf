/* SPDX-License-Identifier: Apache-2.0 */
/* What merging saves, counted in page frames: `status --frames`. */
#ifndef HOOK_CLI_FIGURES_FRAMES_H
#define HOOK_CLI_FIGURES_FRAMES_H

#include <stddef.h>

#include "hook/cli/figures.h"
#include "hook/common/pairs.h"
#include "oci-config/error.h"

/*
 * Sets `frames` and `counted` of each. Looks at each page's frame, not into it. -EPERM
 * without the right to see frame numbers. A process that ends halfway is no error.
 */
int figures_count(struct figures *figures, size_t count, struct error *err);

/* A page (its address by the page size) of a container's process, with its frame. */
int pages_add(struct pairs *pages, uint64_t page, uint64_t frame);
/*
 * Adds to `all` the pages of a container that are merged, but for those that another of its processes has at the same address
 * unmerged (`others`): that may be the frame that fork had shared, so that nothing was saved. Sorts the lists. 0 or -ENOMEM.
 */
int merged_add(struct pairs *all, size_t container, struct pairs *merged, struct pairs *others);
/*
 * Sets saved[container] for `count` of them, in pages: what each maps less its part of the frames behind that. A frame at the
 * same address in several processes of a container counts once: fork would share it without KSM, too. Sorts the list.
 */
void merged_count(struct pairs *all, double *saved, size_t count);

#endif
