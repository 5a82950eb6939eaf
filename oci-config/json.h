/* SPDX-License-Identifier: Apache-2.0 */
/* Strict, bounded JSON: what json-c parses, with limits, and typed access with errors that name the member. */
#ifndef OCI_CONFIG_JSON_H
#define OCI_CONFIG_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "oci-config/error.h"

#define OCFG_JSON_DEPTH 64 /* the runtime-spec's deepest member is at 9 */

/*
 * Parses exactly one JSON value (strict grammar, valid UTF-8, at most OCFG_JSON_DEPTH levels, nothing
 * after it but white space). *ret is a reference that the caller puts (json_object_put).
 */
int ocfg_json_parse(const char *text, size_t len, json_object **ret, struct error *err);

/*
 * Writes compactly, slashes not escaped, members in their order. The text belongs to `value` and lives
 * until it is changed or put. Returns -ENOMEM when there is no memory for it.
 */
int ocfg_json_print(json_object *value, const char **ret, size_t *ret_len, struct error *err);

/*
 * Member access: *ret stays NULL/unchanged and 0 is returned if the member is absent or null; -EINVAL with
 * an error that names the member if it has another type. What is returned is borrowed from `object`.
 */
int ocfg_json_get_object(json_object *object, const char *key, json_object **ret, struct error *err);
int ocfg_json_get_array(json_object *object, const char *key, json_object **ret, struct error *err);
int ocfg_json_get_string(json_object *object, const char *key, const char **ret, struct error *err);
int ocfg_json_get_bool(json_object *object, const char *key, bool *ret, struct error *err);

#endif
