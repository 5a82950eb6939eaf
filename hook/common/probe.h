/* SPDX-License-Identifier: Apache-2.0 */
/* What this kernel can do, found out by trying. */
#ifndef HOOK_COMMON_PROBE_H
#define HOOK_COMMON_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "oci-config/settings.h"

/* Kernels in which a feature came first; never compared, only told. */
enum probe {
	PROBE_MADVISE = 1 << 0,		/* MADV_MERGEABLE (CONFIG_KSM) */
	PROBE_PRCTL = 1 << 1,		/* PR_SET_MEMORY_MERGE (6.4) */
	PROBE_EXEC_INHERIT = 1 << 2,	/* and a program that is exec'd has it, too (6.10) */
	PROBE_VMA_MERGE = 1 << 3,	/* and neighbouring mappings still become one (6.17) */
	PROBE_PROCESS_MADVISE = 1 << 4, /* process_madvise(MADV_MERGEABLE) on oneself (6.13) */
	PROBE_NOTIFY = 1 << 5,	      /* a seccomp listener can be had, and CONTINUE (5.5) works */
	PROBE_SYNC_WAKE_UP = 1 << 6,  /* SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (6.6) */
	PROBE_WAIT_KILLABLE = 1 << 7, /* SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (5.19) */
	PROBE_SUSPEND_SECCOMP = 1 << 8, /* PTRACE_O_SUSPEND_SECCOMP is allowed to us */
	PROBE_LISTENER =
		1
		<< 9, /* no other listener is in force here: there is one only (EBUSY, as in WSL2) */
};
#define PROBE_ALL ((1u << 10) - 1)
/* A process that gets PR_SET_MEMORY_MERGE, and whatever it starts, is done with, for good and at no cost. */
#define PROBE_PROCESS_WIDE (PROBE_PRCTL | PROBE_EXEC_INHERIT | PROBE_VMA_MERGE)

/*
 * Tries those of `wanted` (in child processes: nothing of the caller changes) and returns the ones that
 * work. Features named in $OCI_KSM_NO ("prctl,exec_inherit,vma_merge,...": the names of probe_name) count
 * as missing. A probe that cannot be made counts as missing.
 */
unsigned probe(unsigned wanted);
/*
 * The same, but what was found since the machine was booted is taken from a file in the folder of state (probe_cache.c): no
 * process is started then.
 */
unsigned probe_cached(const struct ocfg_settings *settings, unsigned wanted);
/* What $OCI_KSM_NO names. */
unsigned probe_forbidden(void);
/* Tries whatever is forbidden; `ret_sure`: those of which the answer is sure, yes or no. */
unsigned probe_try(unsigned wanted, unsigned *ret_sure);
/* All of PROBE_PROCESS_WIDE; otherwise -EINVAL, with what is missing in err. From the cache, too. */
int probe_process(const struct ocfg_settings *settings, struct error *err);
/* "prctl", ...: the name of one feature, as in OCI_KSM_NO. */
const char *probe_name(enum probe feature);
/* Those that are not in `found`, with commas; "" if there are none. */
const char *probe_list_missing(unsigned found, char *buf, size_t size);

#endif
