/* SPDX-License-Identifier: Apache-2.0 */
/* What a runtime makes of linux.seccomp: built by libseccomp, exported, and run call by call. */
#ifndef TESTS_UNIT_FILTER_H
#define TESTS_UNIT_FILTER_H

#include <json-c/json.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

#define FILTER_MAX 16384 /* instructions */

struct filter {
	size_t count;
	struct sock_filter code[FILTER_MAX];
};

/*
 * As crun and runc do: rules whose action is the default one are left out, names that the machine has
 * not are, and two conditions on one argument are two rules. `optimize`: runc's binary tree. -errno
 * where libseccomp refuses a rule, and so the container would not start.
 */
int filter_build(json_object *seccomp, int optimize, struct filter *ret);
/* The filter's answer: SECCOMP_RET_... */
uint32_t filter_run(const struct filter *filter, const struct seccomp_data *data);

#endif
