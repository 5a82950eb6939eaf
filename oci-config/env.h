/* SPDX-License-Identifier: Apache-2.0 */
/* process.env: an array of "NAME=value" strings. */
#ifndef OCI_CONFIG_ENV_H
#define OCI_CONFIG_ENV_H

#include <json-c/json.h>
#include <stdbool.h>

#include "oci-config/error.h"

/*
 * The value of NAME (the last one counts, as execve's users see it), borrowed, or NULL. `env` may
 * be NULL.
 */
const char *ocfg_env_get(json_object *env, const char *name);
/* Sets NAME, in place if it is there (duplicates collapse to one), else appended at the end. */
int ocfg_env_set(json_object *env, const char *name, const char *value, struct error *err);
/* Removes every NAME. */
int ocfg_env_unset(json_object *env, const char *name, struct error *err);

/*
 * LD_PRELOAD lists (separated by ':' or ' ', as ld.so takes them): adds `entry` at the END, never
 * twice, keeping what is there as it is written; removes exactly that entry and its separator. A
 * list that is the entry alone is unset. So removing what was added gives the list that had been
 * there.
 */
bool ocfg_env_list_has(json_object *env, const char *name, const char *entry);
int ocfg_env_list_add(json_object *env, const char *name, const char *entry, struct error *err);
int ocfg_env_list_remove(json_object *env, const char *name, const char *entry, struct error *err);

#endif
