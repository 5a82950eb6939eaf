/* SPDX-License-Identifier: Apache-2.0 */
/* Which pages a process has in RAM, and in which frames: /proc/PID/maps and pagemap. */
#ifndef HOOK_COMMON_PAGEMAP_H
#define HOOK_COMMON_PAGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oci-config/error.h"

struct pagemap_page {
	uint64_t address;
	uint64_t
		frame; /* physical page number; 0 if the caller may not know it (no CAP_SYS_ADMIN) */
	bool is_shared;	   /* somebody maps it, too, or it is no memory of the process' own */
	bool may_be_empty; /* it may be the kernel's zero page */
};

#define PAGEMAP_BATCH 512

/* Gets up to PAGEMAP_BATCH pages in ascending order of address. Anything but 0 ends the walk. */
typedef int pagemap_visit(const struct pagemap_page *pages, size_t count, void *data);

/*
 * Visits the pages of private mappings that are in RAM and not a file's. Among them may be pages that are no memory of
 * the process' own (the zero page, device memory): only /proc/kpageflags tells, and is_shared. proc_fd: /proc/PID. Counts what is in
 * swap in *swapped. Returns what `visit` returned, or 0, also when the process ends halfway; -EACCES, -ENOENT at the start.
 */
int pagemap_walk(int proc_fd, bool use_scan, pagemap_visit *visit, void *data, uint64_t *swapped,
		 struct error *err);

#endif
