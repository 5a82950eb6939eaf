/* SPDX-License-Identifier: Apache-2.0 */
/* What `top` knows beyond one look: changes since the last one and since the first. */
#ifndef HOOK_CLI_TRENDS_H
#define HOOK_CLI_TRENDS_H

#include <stddef.h>

#include "hook/cli/figures.h"
#include "hook/cli/host.h"
#include "oci-config/error.h"

struct trend;

/* What was seen; {0} before the first look, trends_done frees. */
struct trends {
	struct trend *list; /* by ID */
	size_t count;
	int64_t first, last; /* saved by all */
	size_t looks;
	double cpu_seconds, time; /* of ksmd; when that was, in seconds of any clock */
	double interval;	  /* seconds between the last two looks; -1: there are no two */
	double ksmd; /* CPU time of ksmd in that interval, as part of a CPU; -1: not known */
};

/*
 * Sets change, trend and ksmd of the figures, which are sorted by ID, and of their total. Of a container that is seen for the
 * first time change and trend are not known; its later ones count from there.
 */
int trends_update(struct trends *trends, struct figures *figures, size_t count,
		  struct figures *total, const struct host_ksm *host, double time,
		  struct error *err);
void trends_done(struct trends *trends);

#endif
