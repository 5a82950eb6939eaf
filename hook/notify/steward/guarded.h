/* SPDX-License-Identifier: Apache-2.0 */
/* Whom the profit guard looks at: containers that merge, by their records or because they were switched on. */
#ifndef HOOK_NOTIFY_STEWARD_GUARDED_H
#define HOOK_NOTIFY_STEWARD_GUARDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hook/common/switched.h"
#include "hook/notify/steward/profit_rule.h"
#include "hook/notify/steward/steward.h"

struct guarded {
	struct switched who; /* id, cgroup, first process */
	const char *left_on; /* why it is not switched off, NULL: it may be */
	bool told;	     /* that it does not pay, and is left on */
	bool on_trial;	     /* tried again, and not yet seen to pay */
	struct profit_before before;
	uint64_t tried_at; /* in whole scans, if it is on trial */
	uint64_t pause;	   /* its last one, s; 0: there was none, or it has paid since */
};

struct guarded_list {
	struct guarded *list; /* by ID */
	size_t count;
	bool incomplete; /* there are records of what does not run, or not yet */
};

/*
 * Takes over what is known already. `scans`: whole ones of ksmd so far. Without `all` only those that the guard has
 * switched off. -errno: the list is as before.
 */
int guarded_reload(struct guarded_list *guarded, const struct steward *steward, bool all,
		   uint64_t scans, struct error *err);

#endif
