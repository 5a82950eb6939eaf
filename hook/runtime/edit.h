/* SPDX-License-Identifier: Apache-2.0 */
/* What the wrapper does before the real runtime: the edits of config.json and process.json. */
#ifndef HOOK_RUNTIME_EDIT_H
#define HOOK_RUNTIME_EDIT_H

#include "hook/common/container.h"
#include "hook/runtime/args.h"
#include "oci-config/error.h"

/*
 * create, run: edits the bundle's config.json if the container wishes it. Being started by the
 * wrapper is a wish. Faults that leave the document as it was are returned; what can be missed is
 * one warning.
 */
int edit_create(struct container *c, const struct args *args, struct error *err);
/* exec: gives the process what the container's own program has: the environment, PR_SET_MEMORY_MERGE. */
int edit_exec(struct container *c, const struct args *args, struct error *err);
/* delete: forgets the container if it has ended. */
void edit_delete(struct container *c, const struct args *args);

#endif
