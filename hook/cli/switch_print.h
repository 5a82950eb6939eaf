/* SPDX-License-Identifier: Apache-2.0 */
/* How enable and disable say what they have done. */
#ifndef HOOK_CLI_SWITCH_PRINT_H
#define HOOK_CLI_SWITCH_PRINT_H

#include "hook/cli/switch_target.h"
#include "oci-config/json.h"

struct switch_outcome {
	const struct switch_target *target;
	bool on;
	struct mark_result result;
	struct error err;	  /* code 0: it went well */
	struct error filters_err; /* why nothing is known of its seccomp filters */
};

/* One sentence with the figures, also for the file of what was switched. */
void switch_sentence(const struct switch_outcome *outcome, char *buf, size_t size);
/* For people, on stdout; what was left alone is told on stderr, and errors. */
void switch_tell(const struct switch_outcome *outcome);
/* One member of the JSON's array. */
int switch_json(const struct switch_outcome *outcome, json_object **ret, struct error *err);

/* One line on stderr that is written again and again. */
void switch_progress(const struct mark_progress *progress, void *name);
void switch_progress_end(void);

#endif
