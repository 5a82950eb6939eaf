/* SPDX-License-Identifier: Apache-2.0 */
/* What commands are asked about: containers of any engine, cgroups, processes. */
#ifndef HOOK_CLI_TARGETS_H
#define HOOK_CLI_TARGETS_H

#include <stddef.h>
#include <sys/types.h>

#include "oci-config/error.h"

/* For --help. */
#define TARGETS_HELP                                                                               \
	"A target is a container's ID or its beginning, or what its engine calls it (for pods "    \
	"also\n"                                                                                   \
	"<pod>/<container> or <namespace>/<pod>/<container>); a pid; or a cgroup's path or name, " \
	"as\n"                                                                                     \
	"units of systemd have it.\n"

struct target {
	char *name; /* the whole ID, or what was asked for */
	char *called; /* by its engine (hook/common/engine_names.h); NULL: nothing, or not known. Escape it. */
	pid_t *pids;
	size_t count;
};

/*
 * One target an argument: the ID of a container (of a record of ours, or as engines name cgroups), what its engine calls it, or the beginning
 * of an ID; a pid; the path of a cgroup, or its name (a unit of systemd, a container of crun or runc). -ESRCH or -EINVAL says which
 * one names nothing, or too much. targets_free frees.
 */
int targets_find(char *const *args, size_t count, struct target **ret, size_t *ret_count,
		 struct error *err);
/* The same where those that have records are known, with what they are called: in any order, borrowed. */
int targets_find_with(const struct target *known, size_t known_count, char *const *args,
		      size_t count, struct target **ret, size_t *ret_count, struct error *err);
/* All containers and runs that have records, and all that engines' cgroups show. */
int targets_all(struct target **ret, size_t *ret_count, struct error *err);
void targets_free(struct target *targets, size_t count);

#endif
