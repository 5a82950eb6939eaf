/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of calls of one system call, as a seccomp profile can say them: one condition an argument.
 * Private to oci-config.
 */
#ifndef OCI_CONFIG_SECCOMP_SET_H
#define OCI_CONFIG_SECCOMP_SET_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oci-config/error.h"
#include "oci-config/notify.h"

#define SECCOMP_ARGS   6
#define SECCOMP_PIECES 32 /* into which the negation of one condition falls */

enum seccomp_op {
	SECCOMP_NONE, /* any value */
	SECCOMP_NE,
	SECCOMP_LT,
	SECCOMP_LE,
	SECCOMP_EQ,
	SECCOMP_GE,
	SECCOMP_GT,
	SECCOMP_MASKED_EQ, /* (argument & value) == two */
};

struct seccomp_cond {
	enum seccomp_op op;
	uint64_t value, two;
};

/* The calls for which all conditions hold; all zero: every call. */
struct seccomp_set {
	struct seccomp_cond args[SECCOMP_ARGS];
};

enum seccomp_result {
	SECCOMP_EMPTY,	/* no call is left */
	SECCOMP_DONE,	/* that is the set */
	SECCOMP_BEYOND, /* no single condition an argument says it */
};

/*
 * A profile can say only one thing about an argument: runtimes take two conditions on one argument
 * for two rules. So *set becomes its intersection with the condition where one condition can say
 * that. Values of 32 bits and more are beyond, too, because libseccomp cuts them for 32-bit calls.
 */
enum seccomp_result seccomp_set_and(struct seccomp_set *set, unsigned index,
				    const struct seccomp_cond *cond);
enum seccomp_result seccomp_set_intersect(struct seccomp_set *set, const struct seccomp_set *other);
/* All but the condition, as conditions of which at most one holds. 0: beyond. */
size_t seccomp_cond_negate(const struct seccomp_cond *cond,
			   struct seccomp_cond ret[SECCOMP_PIECES]);
/* How many conditions; 0: every call. */
size_t seccomp_set_size(const struct seccomp_set *set);
bool seccomp_set_equal(const struct seccomp_set *a, const struct seccomp_set *b);

/* A call that is notified, as a set. */
struct seccomp_set seccomp_set_of_call(const struct ocfg_notify_call *call);
/*
 * What is in "args" of a rule, or all calls for NULL: *ret_count sets, a call is meant if it is in any
 * of them. -EINVAL for what runtimes refuse or nobody can mean.
 */
int seccomp_sets_parse(json_object *args, struct seccomp_set ret[SECCOMP_ARGS], size_t *ret_count,
		       struct error *err);
/* {"names":[name],"action":action,"args":[...]}; NULL: no memory. */
json_object *seccomp_set_to_rule(const struct seccomp_set *set, const char *name,
				 const char *action);

#endif
