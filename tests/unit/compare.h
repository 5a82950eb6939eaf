/* SPDX-License-Identifier: Apache-2.0 */
/* Compares what two seccomp profiles answer, call by call. */
#ifndef TESTS_UNIT_COMPARE_H
#define TESTS_UNIT_COMPARE_H

#include <json-c/json.h>
#include <stddef.h>

#include "oci-config/notify.h"

/*
 * Returns "", or the first call to which `new` gives another answer than `old`, unless `old` allows it
 * and `notify` wants it: then it must be notified. Tried are all machines that the profiles are for,
 * all system calls up to number `last`, and mmap and brk with whatever could make a difference.
 * *ret_notified: how many of the calls were notified.
 */
const char *compare(json_object *old, json_object *new, const struct ocfg_notify *notify, int last,
		    size_t *ret_notified);

#endif
