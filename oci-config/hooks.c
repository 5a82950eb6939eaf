/* SPDX-License-Identifier: Apache-2.0 */
/* hooks of config.json. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "oci-config/edits.h"
#include "oci-config/hooks.h"
#include "oci-config/json.h"

#define HOOKS "hooks"

static json_object *member(json_object *object, const char *key)
{
	json_object *value = NULL;

	if (object)
		json_object_object_get_ex(object, key, &value);
	return value;
}

static json_object *stage_of(const struct ocfg_spec *spec, const char *stage)
{
	return spec->kind == OCFG_SPEC_CONFIG ? member(member(spec->doc, HOOKS), stage) : NULL;
}

/* Is this the hook `path`, with `arg` as its first argument unless that is NULL? */
static bool is_hook(json_object *hook, const char *path, const char *arg)
{
	json_object *text = member(hook, "path"), *args = member(hook, "args");

	if (!text || strcmp(json_object_get_string(text), path) != 0)
		return false;
	if (!arg)
		return true;
	return args && json_object_array_length(args) > 1 &&
	       strcmp(json_object_get_string(json_object_array_get_idx(args, 1)), arg) == 0;
}

static bool has(const struct ocfg_spec *spec, const char *stage, const char *path, const char *arg)
{
	json_object *hooks = stage_of(spec, stage);

	for (size_t i = 0; hooks && i < json_object_array_length(hooks); i++)
		if (is_hook(json_object_array_get_idx(hooks, i), path, arg))
			return true;
	return false;
}

bool ocfg_hooks_has(const struct ocfg_spec *spec, const char *stage, const char *path)
{
	return has(spec, stage, path, NULL);
}

/* Adds a member that is an array of the strings a and, unless NULL, b. */
static int add_strings(json_object *hook, const char *key, const char *a, const char *b,
		       struct error *err)
{
	json_object *array = json_object_new_array();
	int rc = ocfg_json_add(hook, key, array, err);

	if (rc == 0)
		rc = ocfg_json_append(array, json_object_new_string(a), err);
	if (rc == 0 && b)
		rc = ocfg_json_append(array, json_object_new_string(b), err);
	return rc;
}

static int add(json_object *hooks, const char *path, const char *arg, const char *env,
	       struct error *err)
{
	cleanup_json json_object *hook = json_object_new_object();
	const char *slash = strrchr(path, '/');
	int rc;

	if (!hook)
		return error_set(err, ENOMEM, "hook %s", path);
	rc = ocfg_json_add(hook, "path", json_object_new_string(path), err);
	if (rc == 0)
		rc = add_strings(hook, "args", slash ? slash + 1 : path, arg, err);
	if (rc == 0 && env)
		rc = add_strings(hook, "env", env, NULL, err);
	return rc < 0 ? rc : ocfg_json_append(hooks, steal_pointer(&hook), err);
}

int ocfg_hooks_add(struct ocfg_spec *spec, const char *stage, const char *path, const char *arg,
		   const char *env, struct error *err)
{
	char name[64];
	json_object *hooks, *array;
	int rc;

	if (has(spec, stage, path, arg))
		return 0;
	snprintf(name, sizeof(name), HOOKS ".%s", stage);
	rc = ocfg_edits_make(spec, spec->doc, HOOKS, HOOKS, json_type_object, &hooks, err);
	if (rc == 0)
		rc = ocfg_edits_make(spec, hooks, stage, name, json_type_array, &array, err);
	return rc != 0 ? rc : add(array, path, arg, env, err);
}

int ocfg_hooks_remove(struct ocfg_spec *spec, const char *stage, const char *path,
		      struct error *err)
{
	json_object *hooks = stage_of(spec, stage);
	char name[64];
	int rc;

	if (!hooks)
		return 0;
	for (size_t i = json_object_array_length(hooks); i > 0; i--) {
		if (!is_hook(json_object_array_get_idx(hooks, i - 1), path, NULL))
			continue;
		if (json_object_array_del_idx(hooks, i - 1, 1) < 0)
			return error_set(err, EINVAL, HOOKS ".%s[%zu]", stage, i - 1);
	}
	snprintf(name, sizeof(name), HOOKS ".%s", stage);
	rc = ocfg_edits_unmake(spec, member(spec->doc, HOOKS), stage, name, err);
	return rc < 0 ? rc : ocfg_edits_unmake(spec, spec->doc, HOOKS, HOOKS, err);
}
