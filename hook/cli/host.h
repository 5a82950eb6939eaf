/* SPDX-License-Identifier: Apache-2.0 */
/* KSM of the whole host, at one look. */
#ifndef HOOK_CLI_HOST_H
#define HOOK_CLI_HOST_H

#include <stdint.h>

#include "hook/common/ksm.h"

/* Numbers of KSM_SYS_DIR, each of which may be KSM_UNKNOWN. */
struct host_ksm {
	int64_t run, pages_to_scan, sleep_millisecs, full_scans;
	int64_t shared, sharing, zero; /* pages */
	int64_t tracked;  /* pages that ksmd keeps books of: shared, sharing, unshared, volatile */
	int64_t profit;	  /* bytes */
	char advisor[32]; /* "none", "scan-time", ...; "" before Linux 6.8 */
	double cpu_seconds; /* of ksmd since the host started; -1: not known */
};

void host_ksm_read(struct host_ksm *ret);
/* Only `tracked`. */
int64_t host_ksm_tracked(void);

#endif
