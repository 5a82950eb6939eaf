/* SPDX-License-Identifier: Apache-2.0 */
/* What is behind pages that pagemap_walk finds: what kind of memory it is, and what it holds. */
#ifndef HOOK_COMMON_CONTENTS_H
#define HOOK_COMMON_CONTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hook/common/pagemap.h"
#include "oci-config/error.h"

/* Of one thread. contents_init fills it in, contents_done frees it (also after a failed init). */
struct contents {
	size_t page_size;
	int kpageflags;	 /* -1: frames' numbers cannot be seen */
	bool all_merged; /* as far as the kernel says */
	unsigned char *buf;
};

/* -EPERM without the right to see frame numbers (CAP_SYS_ADMIN). */
int contents_init(struct contents *contents, struct error *err);
/* The same, but without that right frames have no numbers (contents_sees_frames), and nobody may ask for their flags. */
int contents_init_any(struct contents *contents, struct error *err);
bool contents_sees_frames(const struct contents *contents);
/*
 * Can merged pages be told from others? Linux 6.10 to 6.17 say of all anonymous memory that it is merged, where they have not been
 * mended since; then what contents_flags says so of may be shared by fork only.
 */
bool contents_tells_merged(const struct contents *contents);
void contents_done(struct contents *contents);

/* What the kernel says of frames (<linux/kernel-page-flags.h>); one that it says nothing of (gone meanwhile) has no flags. */
void contents_flags(const struct contents *contents, const struct pagemap_page *pages,
		    uint64_t *ret, size_t count);
/* Memory of a process' own, neither hugetlbfs nor the kernel's zero page; a page that KSM has made. */
bool contents_is_anonymous(uint64_t flags);
bool contents_is_merged(uint64_t flags);

/*
 * Opens /proc/PID (O_PATH) and its memory, which stays that memory, whatever becomes of the pid; also what is mapped
 * PROT_NONE can be read there, and what subordinate_open opens. 0; -ESRCH if the process is gone; -EACCES.
 */
int contents_open(pid_t pid, int *ret_proc, int *ret_mem, struct error *err);

/* One page; `content` is NULL if it cannot be read. Anything but 0 ends the reading. */
typedef int contents_visit(size_t index, const void *content, void *data);

/*
 * Reads pages, which are in ascending order of address; `index` counts them. Returns what `visit` returned, or 0, also when the
 * process has ended: pages that are gone with it are not visited.
 */
int contents_read(const struct contents *contents, int mem, const struct pagemap_page *pages,
		  size_t count, contents_visit *visit, void *data);

#endif
