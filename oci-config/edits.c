/* SPDX-License-Identifier: Apache-2.0 */
/* The list, kept in a document itself, of what was added to it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "oci-config/edits.h"
#include "oci-config/json.h"

static json_object *list(const struct ocfg_spec *spec)
{
	json_object *edits = NULL;

	json_object_object_get_ex(spec->doc, OCFG_EDITS_MEMBER, &edits);
	return edits;
}

/* The edit's place, or the list's length. */
static size_t find(json_object *edits, const char *edit)
{
	size_t i, count = edits ? json_object_array_length(edits) : 0;

	for (i = 0; i < count; i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(edits, i)), edit) == 0)
			break;
	return i;
}

bool ocfg_edits_has(const struct ocfg_spec *spec, const char *edit)
{
	json_object *edits = list(spec);

	return edits && find(edits, edit) < json_object_array_length(edits);
}

int ocfg_edits_add(struct ocfg_spec *spec, const char *edit, struct error *err)
{
	json_object *edits = list(spec);
	int rc;

	if (!edits) {
		edits = json_object_new_array();
		rc = ocfg_json_add(spec->doc, OCFG_EDITS_MEMBER, edits, err);
		if (rc < 0)
			return rc;
	}
	return ocfg_json_append(edits, json_object_new_string(edit), err);
}

int ocfg_edits_remove(struct ocfg_spec *spec, const char *edit, struct error *err)
{
	json_object *edits = list(spec);
	size_t at = find(edits, edit);

	if (!edits || at == json_object_array_length(edits))
		return 0;
	if (json_object_array_del_idx(edits, at, 1) < 0)
		return error_set(err, EINVAL, "%s: %s", OCFG_EDITS_MEMBER, edit);
	if (json_object_array_length(edits) == 0)
		json_object_object_del(spec->doc, OCFG_EDITS_MEMBER);
	return 0;
}

const char *ocfg_edits_last(const struct ocfg_spec *spec, const char *prefix)
{
	json_object *edits = list(spec);

	for (size_t i = edits ? json_object_array_length(edits) : 0; i > 0; i--) {
		const char *edit = json_object_get_string(json_object_array_get_idx(edits, i - 1));

		if (strncmp(edit, prefix, strlen(prefix)) == 0)
			return edit;
	}
	return NULL;
}

static const char *made(const char *path, bool was_null, char *buf, size_t size)
{
	snprintf(buf, size, "%s %s", path, was_null ? "was null" : "made");
	return buf;
}

int ocfg_edits_make(struct ocfg_spec *spec, json_object *parent, const char *key, const char *path,
		    json_type type, json_object **ret, struct error *err)
{
	char edit[OCFG_EDIT_SIZE];
	json_object *value = NULL;
	bool was_null = json_object_object_get_ex(parent, key, &value);
	int rc;

	if (value) {
		rc = ocfg_json_expect(value, type, path, err);
	} else {
		value = type == json_type_array ? json_object_new_array()
						: json_object_new_object();
		rc = ocfg_json_add(parent, key, value, err);
		if (rc == 0)
			rc = ocfg_edits_add(spec, made(path, was_null, edit, sizeof(edit)), err);
	}
	if (rc == 0)
		*ret = value;
	return rc;
}

static bool is_empty(json_object *value)
{
	if (json_object_is_type(value, json_type_array))
		return json_object_array_length(value) == 0;
	return json_object_is_type(value, json_type_object) &&
	       json_object_object_length(value) == 0;
}

int ocfg_edits_unmake(struct ocfg_spec *spec, json_object *parent, const char *key,
		      const char *path, struct error *err)
{
	char edit[OCFG_EDIT_SIZE];
	json_object *value = NULL;
	int rc;

	json_object_object_get_ex(parent, key, &value);
	if (!is_empty(value))
		return 0;
	if (ocfg_edits_has(spec, made(path, true, edit, sizeof(edit)))) {
		rc = json_object_object_add(parent, key, NULL) == 0
			     ? 0
			     : error_set(err, ENOMEM, "%s", path);
	} else if (ocfg_edits_has(spec, made(path, false, edit, sizeof(edit)))) {
		json_object_object_del(parent, key);
		rc = 0;
	} else {
		return 0;
	}
	return rc < 0 ? rc : ocfg_edits_remove(spec, edit, err);
}
