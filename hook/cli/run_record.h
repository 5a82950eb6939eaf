/* SPDX-License-Identifier: Apache-2.0 */
/* The record of `oci-ksm run`, by which it takes the right to merge too (hook/common/domain.h). */
#ifndef HOOK_CLI_RUN_RECORD_H
#define HOOK_CLI_RUN_RECORD_H

#include "oci-config/annotations.h"
#include "oci-config/error.h"
#include "oci-config/policy.h"
#include "oci-config/settings.h"

/*
 * Records this process for `status`. If another domain merges now the decision is "off" and says so, and is recorded as such;
 * -EBUSY. Not everybody has a folder for records, and a program must not fail for the want of one, unless it has a domain.
 */
int run_record_claim(const struct ocfg_settings *settings, const struct ocfg_wishes *wishes,
		     struct ocfg_decision *decision, struct error *err);
/* The decision has changed; without modes what was recorded goes. */
void run_record_update(const struct ocfg_settings *settings, const struct ocfg_wishes *wishes,
		       const struct ocfg_decision *decision);

#endif
