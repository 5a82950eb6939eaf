/* SPDX-License-Identifier: Apache-2.0 */
/* What merging saves, counted in page frames: `status --frames`. */
#ifndef HOOK_CLI_FIGURES_FRAMES_H
#define HOOK_CLI_FIGURES_FRAMES_H

#include <stddef.h>

#include "hook/cli/figures.h"
#include "hook/common/pairs.h"
#include "oci-config/error.h"

/*
 * Sets `frames` and `counted` of each. Looks at each page's frame, not into it: some 10 million pages a second. -EPERM
 * without the right to see frame numbers. A process that ends halfway is no error.
 */
int figures_count(struct figures *figures, size_t count, struct error *err);

/* A page that is merged: which container maps which frame at which address (of a page of that size). */
int merged_add(struct pairs *pages, uint64_t frame, size_t container, uint64_t address,
	       size_t page_size);
/*
 * Sets saved[container] for `count` of them, in pages: what each maps less its part of the frames behind that. A frame at the
 * same address in several processes of a container counts once: fork would share it without KSM, too. Sorts the list.
 */
void merged_count(struct pairs *pages, double *saved, size_t count);

#endif
