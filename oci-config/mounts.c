/* SPDX-License-Identifier: Apache-2.0 */
/* mounts of config.json. */
#include <errno.h>
#include <string.h>

#include "oci-config/edits.h"
#include "oci-config/json.h"
#include "oci-config/mounts.h"

#define MOUNTS "mounts"

static json_object *mounts_of(const struct ocfg_spec *spec)
{
	json_object *mounts = NULL;

	if (spec->kind == OCFG_SPEC_CONFIG)
		json_object_object_get_ex(spec->doc, MOUNTS, &mounts);
	return mounts;
}

static size_t count_of(json_object *mounts)
{
	return mounts ? json_object_array_length(mounts) : 0;
}

/* A member of a mount, "" if it is absent. */
static const char *text_of(json_object *mounts, size_t i, const char *key)
{
	json_object *value = NULL;

	json_object_object_get_ex(json_object_array_get_idx(mounts, i), key, &value);
	return value ? json_object_get_string(value) : "";
}

/* The next component of a path, "." and repeated slashes left out; its length is 0 at the end. */
static size_t component(const char **path)
{
	size_t len;

	for (;; *path += len) {
		*path += strspn(*path, "/");
		len = strcspn(*path, "/");
		if (len != 1 || **path != '.')
			return len;
	}
}

/* Where ".." leads depends on the rootfs, which may have symbolic links. */
static bool has_dotdot(const char *path)
{
	size_t len;

	for (; (len = component(&path)) > 0; path += len)
		if (len == 2 && memcmp(path, "..", 2) == 0)
			return true;
	return false;
}

enum relation { APART, ABOVE, SAME };

/* How `upper` lies to `lower`. What has ".." in it may lie anywhere, so it counts as above. */
static enum relation relation(const char *upper, const char *lower)
{
	if (has_dotdot(upper))
		return ABOVE;
	for (;;) {
		size_t upper_len = component(&upper), lower_len = component(&lower);

		if (upper_len == 0)
			return lower_len == 0 ? SAME : ABOVE;
		if (upper_len != lower_len || memcmp(upper, lower, upper_len) != 0)
			return APART;
		upper += upper_len;
		lower += lower_len;
	}
}

static bool is_root(const char *path)
{
	return component(&path) == 0;
}

/*
 * With these options a mount of type tmpfs is none ("bind": runtimes go by the option) or is not
 * empty at first, and what the image has there may be in the way of a mount point ("tmpcopyup").
 */
static bool has_foreign_content(json_object *mounts, size_t i)
{
	static const char *const names[] = {"bind", "rbind", "tmpcopyup"};
	json_object *options = NULL;

	json_object_object_get_ex(json_object_array_get_idx(mounts, i), "options", &options);
	for (size_t n = 0; options && n < json_object_array_length(options); n++) {
		const char *option = json_object_get_string(json_object_array_get_idx(options, n));

		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
			if (strcmp(option, names[k]) == 0)
				return true;
	}
	return false;
}

bool ocfg_mounts_is_tmpfs(const struct ocfg_spec *spec, const char *destination)
{
	json_object *mounts = mounts_of(spec);

	/* From the end: the last mount at or above the place is the one that is seen there. */
	for (size_t i = count_of(mounts); i > 0; i--) {
		switch (relation(text_of(mounts, i - 1, "destination"), destination)) {
		case SAME:
			return strcmp(text_of(mounts, i - 1, "type"), "tmpfs") == 0 &&
			       !has_foreign_content(mounts, i - 1);
		case ABOVE:
			return false;
		case APART:
			break;
		}
	}
	return false;
}

bool ocfg_mounts_covers(const struct ocfg_spec *spec, const char *destination)
{
	json_object *mounts = mounts_of(spec);

	for (size_t i = 0; i < count_of(mounts); i++) {
		const char *upper = text_of(mounts, i, "destination");

		if (!is_root(upper) && relation(upper, destination) != APART)
			return true;
	}
	return false;
}

/* The mount of `source` at `destination`, or the array's length. */
static size_t find(json_object *mounts, const char *source, const char *destination)
{
	size_t i, count = count_of(mounts);

	for (i = 0; i < count; i++)
		if (strcmp(text_of(mounts, i, "destination"), destination) == 0 &&
		    strcmp(text_of(mounts, i, "source"), source) == 0)
			break;
	return i;
}

bool ocfg_mounts_has(const struct ocfg_spec *spec, const char *source, const char *destination)
{
	json_object *mounts = mounts_of(spec);

	return find(mounts, source, destination) < count_of(mounts);
}

const char *ocfg_mounts_source(const struct ocfg_spec *spec, const char *destination)
{
	json_object *mounts = mounts_of(spec);

	for (size_t i = count_of(mounts); i > 0; i--)
		if (strcmp(text_of(mounts, i - 1, "destination"), destination) == 0)
			return text_of(mounts, i - 1, "source");
	return NULL;
}

static int add_options(json_object *mount, struct error *err)
{
	static const char *const options[] = {"bind", "ro", "nosuid", "nodev"};
	json_object *array = json_object_new_array();
	int rc = ocfg_json_add(mount, "options", array, err);

	for (size_t i = 0; rc == 0 && i < sizeof(options) / sizeof(options[0]); i++)
		rc = ocfg_json_append(array, json_object_new_string(options[i]), err);
	return rc;
}

int ocfg_mounts_add_bind(struct ocfg_spec *spec, const char *source, const char *destination,
			 struct error *err)
{
	cleanup_json json_object *mount = NULL;
	json_object *mounts;
	int rc;

	if (ocfg_mounts_has(spec, source, destination))
		return 0;
	rc = ocfg_edits_make(spec, spec->doc, MOUNTS, MOUNTS, json_type_array, &mounts, err);
	if (rc < 0)
		return rc;
	mount = json_object_new_object();
	if (!mount)
		return error_set(err, ENOMEM, "mount %s", destination);
	rc = ocfg_json_add(mount, "destination", json_object_new_string(destination), err);
	if (rc == 0)
		rc = ocfg_json_add(mount, "type", json_object_new_string("bind"), err);
	if (rc == 0)
		rc = ocfg_json_add(mount, "source", json_object_new_string(source), err);
	if (rc == 0)
		rc = add_options(mount, err);
	return rc < 0 ? rc : ocfg_json_append(mounts, steal_pointer(&mount), err);
}

int ocfg_mounts_remove(struct ocfg_spec *spec, const char *source, const char *destination,
		       struct error *err)
{
	json_object *mounts = mounts_of(spec);
	size_t at = find(mounts, source, destination);

	if (at == count_of(mounts))
		return 0;
	if (json_object_array_del_idx(mounts, at, 1) < 0)
		return error_set(err, EINVAL, "mounts[%zu]", at);
	return ocfg_edits_unmake(spec, spec->doc, MOUNTS, MOUNTS, err);
}
