/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel tells of KSM: for the machine (/sys/kernel/mm/ksm) and for a process (/proc/PID/ksm_stat). */
#ifndef HOOK_COMMON_KSM_H
#define HOOK_COMMON_KSM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci-config/error.h"

#define KSM_SYS_DIR "/sys/kernel/mm/ksm"

/* A figure that this kernel does not tell. It is never shown as 0. */
#define KSM_UNKNOWN INT64_MIN

/* Is KSM in this kernel (CONFIG_KSM)? */
bool ksm_is_present(void);

/* A number of KSM_SYS_DIR ("run", "full_scans", ...); KSM_UNKNOWN if it is not there. */
int64_t ksm_sys_get(const char *name);
/* Sets one. 0 or -errno: -EBUSY while pages are merged for some of them. */
int ksm_sys_set(const char *name, int64_t value, struct error *err);
/* CPU seconds that ksmd has used since boot; -1 if that cannot be known. */
double ksm_cpu_seconds(void);

/*
 * PR_SET_MEMORY_MERGE of this very process, which what it starts inherits, over exec as well where the kernel does that
 * (PROBE_EXEC_INHERIT). -EINVAL: this kernel has none (before 6.4).
 */
int ksm_merge_self(bool on, struct error *err);

/* Each figure may be KSM_UNKNOWN; those in pages are of the kernel's base page size. */
struct ksm_process {
	int64_t rmap_items;    /* pages that ksmd keeps track of (6.1) */
	int64_t merging_pages; /* pages that are merged with others (5.19) */
	int64_t zero_pages;    /* pages replaced by the kernel's zero page (6.6) */
	int64_t profit;	       /* bytes saved less what ksmd's books cost (6.6) */
	int64_t merge_any;     /* 1: PR_SET_MEMORY_MERGE is on (6.13) */
	int64_t mergeable;     /* 1: there is memory that ksmd looks at (6.13) */
	int64_t anonymous;     /* bytes of anonymous memory in RAM, RssAnon */
};

/* 0, or -ESRCH if there is no such process (any more). Of other users' processes only `anonymous` is known. */
int ksm_process_read(pid_t pid, struct ksm_process *ret, struct error *err);

/* Processes that belong together, and room for the figures of each. */
struct ksm_group {
	const pid_t *pids;
	size_t count;
	struct ksm_process *ret;
	bool held_up; /* one of them kept us from seeing all */
};

/*
 * The same for many, where one that has ended has no figure at all, by a process that may be held up: the kernel tells some figures
 * under the lock of the other's memory, which a program can hold for hours (munmap, madvise, ... of terabytes). Who holds it up
 * for KSM_PATIENCE s, and all that come after that one in its group, have `anonymous` only.
 */
void ksm_groups_read(struct ksm_group *groups, size_t count);
/* The same for one group. Returns whether it was held up. */
bool ksm_processes_read(const pid_t *pids, size_t count, struct ksm_process *ret);
#define KSM_PATIENCE 3

#endif
