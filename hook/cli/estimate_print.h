/* SPDX-License-Identifier: Apache-2.0 */
/* How estimate shows its figures: a table and sentences, or JSON. */
#ifndef HOOK_CLI_ESTIMATE_PRINT_H
#define HOOK_CLI_ESTIMATE_PRINT_H

#include "hook/cli/table.h"
#include "hook/cli/targets.h"
#include "hook/common/estimate.h"

struct estimate_result {
	const struct target *targets;
	const struct estimate_figures *figures; /* of each target */
	size_t count;
	struct estimate_figures together;
	bool guessed; /* which pages are one frame */
};

/* Is the list of columns right? -EINVAL names the bad one. */
int estimate_check(const struct table_options *options, struct error *err);
/* On stdout. */
int estimate_print(const struct estimate_result *result, const struct table_options *options,
		   struct error *err);
/* The columns with their help, for usage(). */
void estimate_usage(void);

/* A bar on stderr, in one line; `share` of 1 is all. estimate_bar_end takes it away. */
void estimate_bar(double share, uint64_t bytes);
void estimate_bar_end(void);

#endif
