/* SPDX-License-Identifier: Apache-2.0 */
/* What the steward's chores do to containers, and how they name them: as the records of hook/common/switched.h do. */
#ifndef HOOK_NOTIFY_STEWARD_SWITCHING_H
#define HOOK_NOTIFY_STEWARD_SWITCHING_H

#include <stddef.h>
#include <sys/types.h>

#include "hook/common/switched.h"
#include "hook/mark/mark.h"
#include "hook/notify/steward/steward.h"
#include "oci-config/state.h"

/*
 * Who a record of ours means: id, cgroup, first process; nothing else is set. switched_done frees. -ESRCH: it does not
 * run (yet).
 */
int switching_find(const struct ocfg_record *record, struct switched *ret, struct error *err);
/* Its processes now; none if it is gone. The caller frees *ret. */
int switching_list(const struct switched *who, pid_t **ret, size_t *ret_count);

/*
 * Marks the container if its record still says so: -ECANCELED if not, -EAGAIN while somebody else is busy with the records.
 * As mark_container otherwise.
 */
int switching_mark(const struct steward *steward, const struct switched *who,
		   struct mark_result *ret, struct error *err);
/* The same for one that is switched off. */
int switching_unmark(const struct steward *steward, const struct switched *who,
		     struct mark_result *ret, struct error *err);
/*
 * Replaces the record, if what is there is the guard's, or there is none: -ECANCELED if somebody else has decided, -EAGAIN
 * as above, -EBUSY: it is to merge, but another trust domain does.
 */
int switching_write(const struct steward *steward, const struct switched *record,
		    struct error *err);

#define SWITCHING_GUARD "guard" /* what stands in "by" */

#endif
