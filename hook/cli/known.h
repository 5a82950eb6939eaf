/* SPDX-License-Identifier: Apache-2.0 */
/* The containers and runs that have records, and those that were switched on without one, with their processes. */
#ifndef HOOK_CLI_KNOWN_H
#define HOOK_CLI_KNOWN_H

#include <stddef.h>

#include "hook/common/cgroup.h"
#include "hook/common/switched.h"
#include "oci-config/error.h"
#include "oci-config/state.h"

/*
 * All three arrays have `count` members in the same order, by ID. Of one without a record the record has only the ID. No process is
 * in two of them: those with records come first. known_done frees it; {0} is accepted.
 */
struct known {
	struct ocfg_record *records;
	struct switched *switched;	     /* no id: it was not switched while it runs */
	struct cgroup_container *containers; /* one without processes has ended, or has not begun */
	size_t count;
};

/* A process that a container had at an earlier look: where its record knows none, it is asked for its cgroup. */
struct known_hint {
	const char *id;
	pid_t pid;
};

/* What is wrong in the settings or in a record is told on stderr. */
int known_load(struct known *ret, struct error *err);
/* The same, with hints that are sorted by ID: cheaper. */
int known_load_again(const struct known_hint *hints, size_t count, struct known *ret,
		     struct error *err);
void known_done(struct known *known);

#endif
