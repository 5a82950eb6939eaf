/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities: keep what a stage needs, give up the rest for good. */
#ifndef HOOK_COMMON_CAPS_H
#define HOOK_COMMON_CAPS_H

#include <stddef.h>
#include <sys/capability.h>

#include "oci-config/error.h"

/*
 * From here on this process has at most the capabilities in `keep`, of those that it had: permitted
 * and effective are cut down, inheritable, ambient and (where it may) the bounding set emptied, and
 * no_new_privs keeps an exec from bringing anything back. What is missing is no error: whatever
 * needs it will say so.
 */
int caps_keep(const cap_value_t *keep, size_t count, struct error *err);
/* The same, but root's programs that are exec'd from here on have what is kept as well: it stays in the bounding set. */
int caps_keep_over_exec(const cap_value_t *keep, size_t count, struct error *err);

#endif
