/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict, bounded JSON: what json-c parses, with limits, and typed access with errors that name the
 * member.
 */
#include <errno.h>

#include "oci-config/file.h"
#include "oci-config/json.h"
#include "oci-config/json_scan.h"

static size_t count_members(json_object *value)
{
	size_t count = 0;

	if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, key, member)
		{
			(void)key;
			count += 1 + count_members(member);
		}
	} else if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			count += count_members(json_object_array_get_idx(value, i));
	}
	return count;
}

int ocfg_json_parse(const char *text, size_t len, json_object **ret, struct error *err)
{
	cleanup_json json_object *value = NULL;
	json_tokener *tokener;
	enum json_tokener_error parsed;
	size_t members;
	int rc;

	if (len > OCFG_FILE_MAX)
		return error_set(err, EFBIG, "%zu bytes of JSON", len);
	rc = ocfg_json_scan(text, len, &members, err);
	if (rc < 0)
		return rc;
	/* The scan has set the limits; json-c counts a scalar as one level more. */
	tokener = json_tokener_new_ex(OCFG_JSON_DEPTH + 1);
	if (!tokener)
		return error_set(err, ENOMEM, "parse JSON");
	value = json_tokener_parse_ex(tokener, text, (int)len);
	parsed = json_tokener_get_error(tokener);
	if (parsed == json_tokener_continue) { /* a number ends where something else begins */
		value = json_tokener_parse_ex(tokener, "", 1);
		parsed = json_tokener_get_error(tokener);
	}
	json_tokener_free(tokener);
	if (parsed != json_tokener_success)
		return error_set(err, EINVAL, "json-c: %s", json_tokener_error_desc(parsed));
	if (count_members(value) != members)
		return error_set(err, EINVAL, "an object has two members of the same name");
	*ret = steal_pointer(&value);
	return 0;
}

int ocfg_json_print(json_object *value, const char **ret, size_t *ret_len, struct error *err)
{
	size_t len;
	const char *text = json_object_to_json_string_length(
		value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);

	if (!text)
		return error_set(err, ENOMEM, "print JSON");
	*ret = text;
	*ret_len = len;
	return 0;
}

int ocfg_json_expect(json_object *value, json_type type, const char *name, struct error *err)
{
	if (json_object_is_type(value, type))
		return 0;
	return error_set(err, EINVAL, "%s: %s instead of %s", name,
			 json_type_to_name(json_object_get_type(value)), json_type_to_name(type));
}

/* *ret: the member, or NULL if it is absent or null. */
static int get(json_object *object, const char *key, json_type type, json_object **ret,
	       struct error *err)
{
	json_object *value = NULL;
	int rc;

	if (object && json_object_object_get_ex(object, key, &value) && value) {
		rc = ocfg_json_expect(value, type, key, err);
		if (rc < 0)
			return rc;
	}
	*ret = value;
	return 0;
}

int ocfg_json_get_object(json_object *object, const char *key, json_object **ret, struct error *err)
{
	return get(object, key, json_type_object, ret, err);
}

int ocfg_json_get_array(json_object *object, const char *key, json_object **ret, struct error *err)
{
	return get(object, key, json_type_array, ret, err);
}

int ocfg_json_get_string(json_object *object, const char *key, const char **ret, struct error *err)
{
	json_object *value;
	int rc = get(object, key, json_type_string, &value, err);

	if (rc == 0 && value)
		*ret = json_object_get_string(value);
	return rc;
}

int ocfg_json_get_bool(json_object *object, const char *key, bool *ret, struct error *err)
{
	json_object *value;
	int rc = get(object, key, json_type_boolean, &value, err);

	if (rc == 0 && value)
		*ret = json_object_get_boolean(value);
	return rc;
}

int ocfg_json_get_int64(json_object *object, const char *key, int64_t *ret, struct error *err)
{
	json_object *value;
	int rc = get(object, key, json_type_int, &value, err);

	if (rc < 0 || !value)
		return rc;
	if (json_object_get_uint64(value) > INT64_MAX)
		return error_set(err, EINVAL, "%s: too large", key);
	*ret = json_object_get_int64(value);
	return 0;
}

int ocfg_json_get_uint64(json_object *object, const char *key, uint64_t *ret, struct error *err)
{
	json_object *value;
	int rc = get(object, key, json_type_int, &value, err);

	if (rc < 0 || !value)
		return rc;
	if (json_object_get_int64(value) < 0)
		return error_set(err, EINVAL, "%s: negative", key);
	*ret = json_object_get_uint64(value);
	return 0;
}

int ocfg_json_add(json_object *object, const char *key, json_object *value, struct error *err)
{
	if (value && json_object_object_add(object, key, value) == 0)
		return 0;
	json_object_put(value);
	return error_set(err, ENOMEM, "%s", key);
}

int ocfg_json_add_null(json_object *object, const char *key, struct error *err)
{
	return json_object_object_add(object, key, NULL) < 0 ? error_set(err, ENOMEM, "%s", key)
							     : 0;
}

int ocfg_json_append(json_object *array, json_object *value, struct error *err)
{
	if (value && json_object_array_add(array, value) == 0)
		return 0;
	json_object_put(value);
	return error_set(err, ENOMEM, "append to an array");
}

int ocfg_json_insert(json_object *array, size_t at, json_object *value, struct error *err)
{
	size_t count = json_object_array_length(array);
	int rc = ocfg_json_append(array, json_object_get(value), err);

	if (rc < 0) {
		json_object_put(value);
		return rc;
	}
	for (size_t i = count; i > at; i--)
		json_object_array_put_idx(array, i,
					  json_object_get(json_object_array_get_idx(array, i - 1)));
	json_object_array_put_idx(array, at, value);
	return 0;
}
