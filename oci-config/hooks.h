/* SPDX-License-Identifier: Apache-2.0 */
/* hooks of config.json. */
#ifndef OCI_CONFIG_HOOKS_H
#define OCI_CONFIG_HOOKS_H

#include <stdbool.h>

#include "oci-config/error.h"
#include "oci-config/spec.h"

/*
 * Adds {path, args: [base name of path, arg], env?} at the end of hooks.<stage> ("createRuntime",
 * "poststop", ...) unless an entry with this path and arg is there. env (NULL or "NAME=value") is
 * kept for settings files of tests and rootless users.
 */
int ocfg_hooks_add(struct ocfg_spec *spec, const char *stage, const char *path, const char *arg,
		   const char *env, struct error *err);
bool ocfg_hooks_has(const struct ocfg_spec *spec, const char *stage, const char *path);
/*
 * Removes every entry of `path` from hooks.<stage>; what had to be made for ours ("hooks", the
 * stage) as well.
 */
int ocfg_hooks_remove(struct ocfg_spec *spec, const char *stage, const char *path,
		      struct error *err);

#endif
