/* SPDX-License-Identifier: Apache-2.0 */
/* An OCI runtime-spec document: config.json of a bundle, or the process.json of an exec. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "oci-config/edits.h"
#include "oci-config/file.h"
#include "oci-config/json.h"
#include "oci-config/spec.h"

static const char *const stages[] = {"prestart",       "createRuntime", "createContainer",
				     "startContainer", "poststart",	"poststop"};

static const char *const mount_strings[] = {"destination", "source", "type"};

static int check_strings(json_object *array, const char *name, struct error *err)
{
	for (size_t i = 0; array && i < json_object_array_length(array); i++) {
		char item[64];
		int rc;

		snprintf(item, sizeof(item), "%s[%zu]", name, i);
		rc = ocfg_json_expect(json_object_array_get_idx(array, i), json_type_string, item,
				      err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int get_strings(json_object *object, const char *key, struct error *err)
{
	json_object *array;
	int rc = ocfg_json_get_array(object, key, &array, err);

	return rc < 0 ? rc : check_strings(array, key, err);
}

static int check_mount(json_object *mount, struct error *err)
{
	int rc = ocfg_json_expect(mount, json_type_object, "mount", err);

	for (size_t i = 0; rc == 0 && i < sizeof(mount_strings) / sizeof(mount_strings[0]); i++) {
		const char *ignored;

		rc = ocfg_json_get_string(mount, mount_strings[i], &ignored, err);
	}
	return rc < 0 ? rc : get_strings(mount, "options", err);
}

static int check_hook(json_object *hook, struct error *err)
{
	const char *ignored;
	int rc = ocfg_json_expect(hook, json_type_object, "hook", err);

	if (rc == 0)
		rc = ocfg_json_get_string(hook, "path", &ignored, err);
	return rc < 0 ? rc : get_strings(hook, "args", err);
}

static int check_items(json_object *object, const char *key,
		       int (*check)(json_object *item, struct error *err), struct error *err)
{
	json_object *array;
	int rc = ocfg_json_get_array(object, key, &array, err);

	if (rc < 0 || !array)
		return rc;
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		rc = check(json_object_array_get_idx(array, i), err);
		if (rc < 0)
			return error_wrap(err, "%s[%zu]", key, i);
	}
	return 0;
}

static int check_hooks(json_object *doc, struct error *err)
{
	json_object *hooks;
	int rc = ocfg_json_get_object(doc, "hooks", &hooks, err);

	if (rc < 0 || !hooks)
		return rc;
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		rc = check_items(hooks, stages[i], check_hook, err);
		if (rc < 0)
			return error_wrap(err, "hooks");
	}
	return 0;
}

static int check_annotations(json_object *doc, struct error *err)
{
	json_object *annotations;
	int rc = ocfg_json_get_object(doc, "annotations", &annotations, err);

	if (rc < 0 || !annotations)
		return rc;
	json_object_object_foreach(annotations, key, value)
	{
		rc = ocfg_json_expect(value, json_type_string, key, err);
		if (rc < 0)
			return error_wrap(err, "annotations");
	}
	return 0;
}

static int check_config(json_object *doc, struct error *err)
{
	json_object *process, *root;
	const char *ignored;
	int rc = ocfg_json_get_object(doc, "process", &process, err);

	if (rc == 0 && get_strings(process, "env", err) < 0)
		rc = error_wrap(err, "process");
	if (rc == 0)
		rc = ocfg_json_get_object(doc, "root", &root, err);
	if (rc == 0 && ocfg_json_get_string(root, "path", &ignored, err) < 0)
		rc = error_wrap(err, "root");
	if (rc == 0)
		rc = check_items(doc, "mounts", check_mount, err);
	if (rc == 0)
		rc = check_hooks(doc, err);
	return rc < 0 ? rc : check_annotations(doc, err);
}

int ocfg_spec_parse(const char *text, size_t len, enum ocfg_spec_kind kind, struct ocfg_spec *ret,
		    struct error *err)
{
	const char *name = kind == OCFG_SPEC_CONFIG ? "config.json" : "process.json";
	cleanup_json json_object *doc = NULL;
	int rc = ocfg_json_parse(text, len, &doc, err);

	if (rc == 0)
		rc = ocfg_json_expect(doc, json_type_object, "document", err);
	if (rc == 0)
		rc = get_strings(doc, OCFG_EDITS_MEMBER, err);
	if (rc == 0)
		rc = kind == OCFG_SPEC_CONFIG ? check_config(doc, err)
					      : get_strings(doc, "env", err);
	if (rc < 0)
		return error_wrap(err, "%s", name);
	ret->kind = kind;
	ret->doc = steal_pointer(&doc);
	return 0;
}

int ocfg_spec_load(int dirfd, const char *path, enum ocfg_spec_kind kind, struct ocfg_spec *ret,
		   struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int rc = ocfg_file_read(dirfd, path, OCFG_FILE_MAX, &text, &len, err);

	return rc < 0 ? rc : ocfg_spec_parse(text, len, kind, ret, err);
}

int ocfg_spec_save(struct ocfg_spec *spec, int dirfd, const char *path, struct error *err)
{
	const char *text;
	size_t len;
	int rc = ocfg_json_print(spec->doc, &text, &len, err);

	return rc < 0 ? rc : ocfg_file_replace(dirfd, path, text, len, err);
}

void ocfg_spec_done(struct ocfg_spec *spec)
{
	json_object_put(spec->doc);
	spec->doc = NULL;
}

static json_object *member(json_object *object, const char *key)
{
	json_object *value = NULL;

	if (object)
		json_object_object_get_ex(object, key, &value);
	return value;
}

json_object *ocfg_spec_process(const struct ocfg_spec *spec)
{
	return spec->kind == OCFG_SPEC_PROCESS ? spec->doc : member(spec->doc, "process");
}

const char *ocfg_spec_root_path(const struct ocfg_spec *spec)
{
	json_object *path = NULL;

	if (spec->kind == OCFG_SPEC_CONFIG)
		path = member(member(spec->doc, "root"), "path");
	return path ? json_object_get_string(path) : NULL;
}

const char *ocfg_spec_annotation(const struct ocfg_spec *spec, const char *key)
{
	json_object *value = NULL;

	if (spec->kind == OCFG_SPEC_CONFIG)
		value = member(member(spec->doc, "annotations"), key);
	return value ? json_object_get_string(value) : NULL;
}

/* podman gives its pods' pause containers no annotation that says so; the program that waits in them does: catatonit -P. */
static bool is_podman_infra(const struct ocfg_spec *spec)
{
	const char *manager = ocfg_spec_annotation(spec, "io.container.manager");
	json_object *args = member(ocfg_spec_process(spec), "args");
	const char *const pause[] = {"/catatonit", "-P"};
	size_t count = sizeof(pause) / sizeof(pause[0]);

	if (!manager || strcmp(manager, "libpod") != 0 || !args ||
	    json_object_array_length(args) != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(args, i)), pause[i]) !=
		    0)
			return false;
	return true;
}

bool ocfg_spec_is_sandbox(const struct ocfg_spec *spec)
{
	static const char *const keys[] = {"io.kubernetes.cri.container-type",
					   "io.kubernetes.cri-o.ContainerType"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *type = ocfg_spec_annotation(spec, keys[i]);

		if (type && strcmp(type, "sandbox") == 0)
			return true;
	}
	return is_podman_infra(spec);
}
