/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of all containers and runs that have records: what `status` and `metrics` show. */
#ifndef HOOK_CLI_FIGURES_H
#define HOOK_CLI_FIGURES_H

#include <stddef.h>
#include <stdint.h>

#include "oci-config/error.h"
#include "oci-config/state.h"

/* Sums over its processes, in bytes where no unit is said; KSM_UNKNOWN if it is not known of one of them. */
struct figures {
	struct ocfg_record record;
	char command[64];  /* name of its first process; whatever that calls itself */
	int64_t processes; /* that it has now: a number */
	int64_t mergeable; /* of them, how many have memory that ksmd looks at: a number */
	int64_t anonymous; /* in RAM */
	int64_t merged;	   /* of that, shared with equal pages by KSM */
	int64_t saved;	   /* what the kernel reckons as its profit */
};

/*
 * Those that have processes, sorted by ID; figures_free frees them. What ends meanwhile is counted as far as it was seen, or
 * left out; that is no error. What is wrong in the settings or in a record is told on stderr.
 */
int figures_load(struct figures **ret, size_t *ret_count, struct error *err);
void figures_free(struct figures *figures, size_t count);

#endif
