/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict, bounded JSON: what json-c parses, with limits, and typed access with errors that name the
 * member.
 */
#ifndef OCI_CONFIG_JSON_H
#define OCI_CONFIG_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oci-config/cleanup.h"
#include "oci-config/error.h"

#define OCFG_JSON_DEPTH 64 /* the runtime-spec's deepest member is at 9 */

/* As in cleanup.h, for a reference to a value: start with NULL, `*ret = steal_pointer(&value)`. */
#define cleanup_json __attribute__((cleanup(cleanup_json_at)))

static inline void cleanup_json_at(json_object **value)
{
	int saved = errno;

	json_object_put(*value);
	errno = saved;
}

/*
 * Parses exactly one JSON value (strict grammar, valid UTF-8, at most OCFG_JSON_DEPTH levels and
 * OCFG_FILE_MAX bytes, nothing after it but white space). Refused as well: two members of the same
 * name in an object, NUL in strings, and numbers that would not be printed as they are written.
 * *ret is a reference that the caller puts (json_object_put); it is NULL for the value null.
 */
int ocfg_json_parse(const char *text, size_t len, json_object **ret, struct error *err);

/*
 * Writes compactly, slashes not escaped, members in their order. The text belongs to `value` and
 * lives until it is changed or put. Returns -ENOMEM when there is no memory for it.
 */
int ocfg_json_print(json_object *value, const char **ret, size_t *ret_len, struct error *err);

/* Is `value` of this type? -EINVAL otherwise, with `name` and both types in the message. */
int ocfg_json_expect(json_object *value, json_type type, const char *name, struct error *err);

/*
 * Member access: 0 if the member is absent or null (`object` may be NULL, too); -EINVAL with an
 * error that names the member if it has another type. What is returned is borrowed from `object`.
 * Absent: objects and arrays give NULL; the others leave *ret as it was, which is where the
 * caller's default stands.
 */
int ocfg_json_get_object(json_object *object, const char *key, json_object **ret,
			 struct error *err);
int ocfg_json_get_array(json_object *object, const char *key, json_object **ret, struct error *err);
int ocfg_json_get_string(json_object *object, const char *key, const char **ret, struct error *err);
int ocfg_json_get_bool(json_object *object, const char *key, bool *ret, struct error *err);
int ocfg_json_get_int64(json_object *object, const char *key, int64_t *ret, struct error *err);
int ocfg_json_get_uint64(json_object *object, const char *key, uint64_t *ret, struct error *err);

/*
 * Adds `value`, a reference that is taken over whether this succeeds or not. NULL stands for one
 * that could not be made, so json_object_new_...() can be passed as it comes: -ENOMEM.
 */
int ocfg_json_add(json_object *object, const char *key, json_object *value, struct error *err);
/* The member null. */
int ocfg_json_add_null(json_object *object, const char *key, struct error *err);
int ocfg_json_append(json_object *array, json_object *value, struct error *err);
/* Before item `at`; at the end where that is the length. */
int ocfg_json_insert(json_object *array, size_t at, json_object *value, struct error *err);

#endif
