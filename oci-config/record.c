/* SPDX-License-Identifier: Apache-2.0 */
/* Records of what we did, one small JSON file a container or run. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "oci-config/file.h"
#include "oci-config/json.h"
#include "oci-config/mode.h"
#include "oci-config/state.h"

#define RECORD_MAX  (64u << 10)
#define NAME_SUFFIX ".json"
#define NAME_SIZE   (OCFG_ID_MAX + sizeof(NAME_SUFFIX))

/*
 * Saving and loading go over the same list of members (visit), so that they cannot differ. What is
 * NULL or 0 is left out of the file. After the first failure the rest does nothing.
 */
struct codec {
	json_object *doc;
	bool saving;
	int rc;
	struct error *err;
};

static void visit_text(struct codec *c, const char *key, char **text)
{
	const char *value = NULL;

	if (c->rc < 0)
		return;
	if (c->saving) {
		if (*text)
			c->rc = ocfg_json_add(c->doc, key, json_object_new_string(*text), c->err);
		return;
	}
	c->rc = ocfg_json_get_string(c->doc, key, &value, c->err);
	if (c->rc < 0 || !value)
		return;
	*text = strdup(value);
	if (!*text)
		c->rc = error_set(c->err, ENOMEM, "%s", key);
}

static void visit_uint(struct codec *c, const char *key, uint64_t *number, uint64_t max)
{
	uint64_t value = 0;

	if (c->rc < 0)
		return;
	if (c->saving) {
		if (*number != 0)
			c->rc = ocfg_json_add(c->doc, key, json_object_new_uint64(*number), c->err);
		return;
	}
	c->rc = ocfg_json_get_uint64(c->doc, key, &value, c->err);
	if (c->rc == 0 && value > max)
		c->rc = error_set(c->err, EINVAL, "%s: too large", key);
	if (c->rc == 0)
		*number = value;
}

static void visit_bool(struct codec *c, const char *key, bool *flag)
{
	if (c->rc < 0)
		return;
	if (!c->saving)
		c->rc = ocfg_json_get_bool(c->doc, key, flag, c->err);
	else if (*flag)
		c->rc = ocfg_json_add(c->doc, key, json_object_new_boolean(*flag), c->err);
}

static void visit_modes(struct codec *c, const char *key, unsigned *modes)
{
	char text[64];
	const char *value = NULL;

	if (c->rc < 0)
		return;
	if (c->saving) {
		ocfg_mode_format(*modes, text, sizeof(text));
		c->rc = ocfg_json_add(c->doc, key, json_object_new_string(text), c->err);
		return;
	}
	c->rc = ocfg_json_get_string(c->doc, key, &value, c->err);
	if (c->rc == 0 && value)
		c->rc = ocfg_mode_parse(value, modes, c->err);
}

static int visit(struct codec *c, struct ocfg_record *record)
{
	uint64_t min_size = record->min_size, pid = (uint64_t)record->pid;
	uint64_t starter = (uint64_t)record->starter;

	visit_text(c, "id", &record->id);
	visit_text(c, "source", &record->source);
	visit_modes(c, "mode", &record->modes);
	visit_text(c, "reason", &record->reason);
	visit_text(c, "bundle", &record->bundle);
	visit_text(c, "shim_target", &record->shim_target);
	visit_uint(c, "min_size", &min_size, SIZE_MAX);
	visit_bool(c, "required", &record->required);
	visit_uint(c, "pid", &pid, INT_MAX);
	visit_uint(c, "start_time", &record->start_time, UINT64_MAX);
	visit_text(c, "pid_file", &record->pid_file);
	visit_uint(c, "starter", &starter, INT_MAX);
	visit_uint(c, "starter_start_time", &record->starter_start_time, UINT64_MAX);
	visit_uint(c, "starter_until", &record->starter_until, UINT64_MAX);
	visit_text(c, "domain", &record->domain);
	visit_bool(c, "layout_shared", &record->layout_shared);
	visit_text(c, "root", &record->root);
	visit_bool(c, "made_ld_so_preload", &record->made_ld_so_preload);
	visit_uint(c, "made_dev", &record->made_dev, UINT64_MAX);
	visit_uint(c, "made_ino", &record->made_ino, UINT64_MAX);
	record->min_size = (size_t)min_size;
	record->pid = (pid_t)pid;
	record->starter = (pid_t)starter;
	return c->rc;
}

bool ocfg_id_is_valid(const char *id)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+.-";
	size_t len = strnlen(id, OCFG_ID_MAX + 1);

	return len >= 1 && len <= OCFG_ID_MAX && strspn(id, allowed) == len &&
	       strcmp(id, ".") != 0 && strcmp(id, "..") != 0;
}

bool ocfg_id_of_file(const char *name, char ret[OCFG_ID_MAX + 1])
{
	const size_t suffix = sizeof(NAME_SUFFIX) - 1;
	size_t len = strlen(name);

	if (len <= suffix || len - suffix > OCFG_ID_MAX ||
	    strcmp(name + len - suffix, NAME_SUFFIX) != 0)
		return false;
	memcpy(ret, name, len - suffix);
	ret[len - suffix] = '\0';
	return ocfg_id_is_valid(ret);
}

static int file_name(const char *id, char *buf, struct error *err)
{
	if (!id || !ocfg_id_is_valid(id))
		return error_set(err, EINVAL, "container id \"%.64s\" is no file name",
				 id ? id : "");
	snprintf(buf, NAME_SIZE, "%s" NAME_SUFFIX, id);
	return 0;
}

int ocfg_record_save(int dirfd, const struct ocfg_record *record, struct error *err)
{
	cleanup_json json_object *doc = NULL;
	struct ocfg_record borrowed = *record;
	struct codec c = {.saving = true, .err = err};
	char name[NAME_SIZE];
	const char *text;
	size_t len;
	int rc = file_name(record->id, name, err);

	if (rc < 0)
		return rc;
	if (record->pid < 0 || record->starter < 0)
		return error_set(err, EINVAL, "record %s: pid %d", name, (int)record->pid);
	doc = c.doc = json_object_new_object();
	if (!doc)
		return error_set(err, ENOMEM, "record %s", name);
	rc = visit(&c, &borrowed);
	if (rc == 0)
		rc = ocfg_json_print(doc, &text, &len, err);
	return rc != 0 ? rc : ocfg_file_replace(dirfd, name, text, len, err);
}

static int parse(const char *text, size_t len, const char *id, struct ocfg_record *ret,
		 struct error *err)
{
	cleanup_json json_object *doc = NULL;
	struct codec c = {.err = err};
	int rc = ocfg_json_parse(text, len, &doc, err);

	if (rc == 0)
		rc = ocfg_json_expect(doc, json_type_object, "document", err);
	if (rc < 0)
		return rc;
	c.doc = doc;
	rc = visit(&c, ret);
	if (rc == 0 && (!ret->id || strcmp(ret->id, id) != 0))
		rc = error_set(err, EINVAL, "id: not the file's");
	return rc;
}

int ocfg_record_load(int dirfd, const char *id, struct ocfg_record *ret, struct error *err)
{
	cleanup_free char *text = NULL;
	struct ocfg_record record = {0};
	char name[NAME_SIZE];
	size_t len;
	int rc = file_name(id, name, err);

	if (rc == 0)
		rc = ocfg_file_read(dirfd, name, RECORD_MAX, &text, &len, err);
	if (rc < 0)
		return rc;
	rc = parse(text, len, id, &record, err);
	if (rc < 0) {
		ocfg_record_done(&record);
		return error_wrap(err, "record %s", name);
	}
	*ret = record;
	return 0;
}

int ocfg_record_remove(int dirfd, const char *id, struct error *err)
{
	char name[NAME_SIZE];
	int rc = file_name(id, name, err);

	if (rc == 0 && unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		rc = error_set(err, errno, "remove %s", name);
	return rc;
}

void ocfg_record_done(struct ocfg_record *record)
{
	free(record->id);
	free(record->source);
	free(record->reason);
	free(record->bundle);
	free(record->shim_target);
	free(record->pid_file);
	free(record->domain);
	free(record->root);
	*record = (struct ocfg_record){0};
}
