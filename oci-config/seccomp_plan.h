/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules a profile needs so that some calls are notified. Private to oci-config. */
#ifndef OCI_CONFIG_SECCOMP_PLAN_H
#define OCI_CONFIG_SECCOMP_PLAN_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "oci-config/error.h"
#include "oci-config/notify.h"

struct seccomp_plan {
	json_object *rules; /* to be added to syscalls; a reference */
	size_t count;	    /* of calls that are taken out of the rules that allow them, */
	const char *taken[OCFG_NOTIFY_CALLS]; /* their names */
};

/*
 * `seccomp`: linux.seccomp, NULL if there is none. Together the rules answer each call as the profile
 * did, but for the allowed ones that are to be notified. -EINVAL and why where they cannot. On success
 * ret->rules is to be put.
 */
int seccomp_plan_make(json_object *seccomp, const struct ocfg_notify *notify,
		      struct seccomp_plan *ret, struct error *err);

/* Does this rule allow calls of that name, and not just because all calls are? */
bool seccomp_rule_allows(json_object *seccomp, json_object *rule, const char *name);
/* Where in "names" of the rule the name is, or the array's length. */
size_t seccomp_rule_find(json_object *rule, const char *name);

#endif
