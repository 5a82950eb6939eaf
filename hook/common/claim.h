/* SPDX-License-Identifier: Apache-2.0 */
/* A container that is about to start takes the right to merge, which one trust domain has at a time (domain.h). */
#ifndef HOOK_COMMON_CLAIM_H
#define HOOK_COMMON_CLAIM_H

#include "hook/common/container.h"
#include "hook/common/traces.h"
#include "oci-config/error.h"
#include "oci-config/state.h"

/* What a record has of the decision and wishes of a container. Borrowed. */
void claim_fill(const struct container *c, struct ocfg_record *record);
/*
 * Opens the traces of container `id` if that has not been done, and writes `record`, in which the caller has said who the
 * container is, with claim_fill's members: from then on nobody of another domain merges. If it may not merge: -errno with the
 * reason, the decision is "off" and says it too, and nothing is written. A container without a domain merges even if there
 * is no folder of state that can be used. record->modes is 0 if nothing was written. traces_undo takes it back.
 */
int claim_domain(struct container *c, const char *id, struct traces *traces,
		 struct ocfg_record *record, struct error *err);

#endif
