/* SPDX-License-Identifier: Apache-2.0 */
/* The administrator's settings: /etc/oci-ksm/oci-ksm.json. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "oci-config/annotations.h"
#include "oci-config/file.h"
#include "oci-config/json.h"
#include "oci-config/mode.h"
#include "oci-config/settings.h"

#define SETTINGS_MAX (256u << 10)
#define YEAR	     31536000 /* s */

/*
 * What each member's reader is given. It returns 0, -EINVAL for a bad value (err says why) or
 * -ENOMEM.
 */
typedef int setting_reader(json_object *value, struct ocfg_settings *ret, struct error *err);

static int read_enable(json_object *value, struct ocfg_settings *ret, struct error *err)
{
	static const char *const names[] = {
		[OCFG_ENABLE_ANNOTATED] = "annotated",
		[OCFG_ENABLE_ALL] = "all",
		[OCFG_ENABLE_NONE] = "none",
	};

	if (ocfg_json_expect(value, json_type_string, "value", err) < 0)
		return -EINVAL;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(json_object_get_string(value), names[i]) == 0) {
			ret->enable = i;
			return 0;
		}
	}
	return error_set(err, EINVAL, "neither \"annotated\" nor \"all\" nor \"none\"");
}

static int read_mode(json_object *value, struct ocfg_settings *ret, struct error *err)
{
	if (ocfg_json_expect(value, json_type_string, "value", err) < 0)
		return -EINVAL;
	return ocfg_mode_parse(json_object_get_string(value), &ret->mode, err);
}

static int read_min_size(json_object *value, struct ocfg_settings *ret, struct error *err)
{
	if (!json_object_is_type(value, json_type_int) &&
	    !json_object_is_type(value, json_type_string))
		return error_set(err, EINVAL, "neither a number nor a string");
	return ocfg_size_parse(json_object_get_string(value), &ret->min_size, err);
}

static int copy(const char *text, char **ret, struct error *err)
{
	char *text_copy = strdup(text);

	if (!text_copy)
		return error_set(err, ENOMEM, "settings");
	free(*ret);
	*ret = text_copy;
	return 0;
}

static int read_folder(json_object *value, char **ret, struct error *err)
{
	const char *path;

	if (ocfg_json_expect(value, json_type_string, "value", err) < 0)
		return -EINVAL;
	path = json_object_get_string(value);
	if (path[0] != '/' || strlen(path) >= PATH_MAX)
		return error_set(err, EINVAL, "not an absolute path");
	return copy(path, ret, err);
}

static int read_preload_dir(json_object *value, struct ocfg_settings *ret, struct error *err)
{
	return read_folder(value, &ret->preload_dir, err);
}

static int read_state_dir(json_object *value, struct ocfg_settings *ret, struct error *err)
{
	return read_folder(value, &ret->state_dir, err);
}

static int read_notify_socket(json_object *value, struct ocfg_settings *ret, struct error *err)
{
	return read_folder(value, &ret->notify_socket, err);
}

static int read_notify_brk(json_object *value, struct ocfg_settings *ret, struct error *err)
{
	if (ocfg_json_expect(value, json_type_boolean, "value", err) < 0)
		return -EINVAL;
	ret->notify_brk = json_object_get_boolean(value);
	return 0;
}

/* The member of a block, if it is there, within limits. */
static int read_number(json_object *block, const char *key, uint64_t most, uint64_t *ret,
		       struct error *err)
{
	uint64_t value = *ret;
	int rc = ocfg_json_get_uint64(block, key, &value, err);

	if (rc == 0 && (value < 1 || value > most))
		rc = error_set(err, EINVAL, "%s: not 1 to %llu", key, (unsigned long long)most);
	if (rc == 0)
		*ret = value;
	return rc;
}

/* -EINVAL if the block has other members than these. */
static int check_members(json_object *block, const char *const *known, struct error *err)
{
	int rc = ocfg_json_expect(block, json_type_object, "value", err);

	if (rc < 0)
		return rc;
	json_object_object_foreach(block, key, value)
	{
		size_t i = 0;

		(void)value;
		while (known[i] && strcmp(known[i], key) != 0)
			i++;
		if (!known[i])
			return error_set(err, EINVAL, "unknown member \"%s\"", key);
	}
	return 0;
}

static int read_profit_guard(json_object *value, struct ocfg_settings *ret, struct error *err)
{
	static const char *const known[] = {"enable", "scans", "pause", "pause_max", NULL};
	struct ocfg_profit_guard guard = ret->profit_guard;
	int rc = check_members(value, known, err);

	if (rc == 0)
		rc = ocfg_json_get_bool(value, "enable", &guard.enable, err);
	if (rc == 0)
		rc = read_number(value, "scans", 1000, &guard.scans, err);
	if (rc == 0)
		rc = read_number(value, "pause", YEAR, &guard.pause, err);
	if (rc == 0)
		rc = read_number(value, "pause_max", YEAR, &guard.pause_max, err);
	if (rc < 0)
		return -EINVAL;
	if (guard.pause_max < guard.pause)
		guard.pause_max = guard.pause;
	ret->profit_guard = guard;
	return 0;
}

int ocfg_domain_parse(const char *text, char buf[OCFG_DOMAIN_SIZE], struct error *err)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t len = strlen(text);

	if (len == 0 || len >= OCFG_DOMAIN_SIZE || strspn(text, allowed) != len)
		return error_set(err, EINVAL, "not 1 to %d of [A-Za-z0-9._-]",
				 OCFG_DOMAIN_SIZE - 1);
	memcpy(buf, text, len + 1);
	return 0;
}

static int read_domain(json_object *value, struct ocfg_settings *ret, struct error *err)
{
	if (ocfg_json_expect(value, json_type_string, "value", err) < 0)
		return -EINVAL;
	return ocfg_domain_parse(json_object_get_string(value), ret->domain, err);
}

static int read_domain_from(json_object *value, struct ocfg_settings *ret, struct error *err)
{
	if (ocfg_json_expect(value, json_type_string, "value", err) < 0)
		return -EINVAL;
	if (strcmp(json_object_get_string(value), "namespace") != 0)
		return error_set(err, EINVAL, "not \"namespace\"");
	ret->domain_from_namespace = true;
	return 0;
}

static int read_layout_shared(json_object *value, struct ocfg_settings *ret, struct error *err)
{
	if (ocfg_json_expect(value, json_type_boolean, "value", err) < 0)
		return -EINVAL;
	ret->no_layout_shared = !json_object_get_boolean(value);
	return 0;
}

bool ocfg_log_is_valid(const char *sink)
{
	return !strcmp(sink, "auto") || !strcmp(sink, "syslog") || !strcmp(sink, "stderr") ||
	       strncmp(sink, "file:/", strlen("file:/")) == 0;
}

static int read_log(json_object *value, struct ocfg_settings *ret, struct error *err)
{
	const char *sink;

	if (ocfg_json_expect(value, json_type_string, "value", err) < 0)
		return -EINVAL;
	sink = json_object_get_string(value);
	if (!ocfg_log_is_valid(sink))
		return error_set(
			err, EINVAL,
			"neither \"auto\" nor \"syslog\" nor \"stderr\" nor \"file:/path\"");
	return copy(sink, &ret->log, err);
}

static void free_runtimes(char **runtimes)
{
	for (size_t i = 0; i <= OCFG_SETTINGS_RUNTIMES; i++) {
		free(runtimes[i]);
		runtimes[i] = NULL;
	}
}

static int read_runtimes(json_object *value, struct ocfg_settings *ret, struct error *err)
{
	char *runtimes[OCFG_SETTINGS_RUNTIMES + 1] = {NULL};
	int rc = ocfg_json_expect(value, json_type_array, "value", err);
	size_t count = rc == 0 ? json_object_array_length(value) : 0;

	if (rc == 0 && (count == 0 || count > OCFG_SETTINGS_RUNTIMES))
		rc = error_set(err, EINVAL, "not 1 to %d names", OCFG_SETTINGS_RUNTIMES);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		json_object *item = json_object_array_get_idx(value, i);

		rc = ocfg_json_expect(item, json_type_string, "item", err);
		if (rc == 0 && json_object_get_string_len(item) == 0)
			rc = error_set(err, EINVAL, "an empty name");
		if (rc == 0)
			rc = copy(json_object_get_string(item), &runtimes[i], err);
	}
	if (rc < 0) {
		free_runtimes(runtimes);
		return rc;
	}
	free_runtimes(ret->runtimes);
	memcpy(ret->runtimes, runtimes, sizeof(runtimes));
	return 0;
}

static int read_ksm(json_object *value, struct ocfg_settings *ret, struct error *err)
{
	return ocfg_ksm_read(value, &ret->ksm.ksm, err);
}

static int read_boost(json_object *value, struct ocfg_settings *ret, struct error *err)
{
	return ocfg_boost_read(value, &ret->ksm.boost, err);
}

static int read_pressure(json_object *value, struct ocfg_settings *ret, struct error *err)
{
	return ocfg_pressure_read(value, &ret->ksm.pressure, err);
}

static const struct {
	const char *key;
	setting_reader *read;
} readers[] = {
	{"enable", read_enable},
	{"mode", read_mode},
	{"min_size", read_min_size},
	{"preload_dir", read_preload_dir},
	{"state_dir", read_state_dir},
	{"log", read_log},
	{"runtimes", read_runtimes},
	{"notify_socket", read_notify_socket},
	{"notify_brk", read_notify_brk},
	{"domain", read_domain},
	{"domain_from", read_domain_from},
	{"layout_shared", read_layout_shared},
	{"profit_guard", read_profit_guard},
	{"ksm", read_ksm},
	{"boost", read_boost},
	{"pressure", read_pressure},
};

static setting_reader *reader_of(const char *key)
{
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		if (strcmp(readers[i].key, key) == 0)
			return readers[i].read;
	return NULL;
}

int ocfg_settings_init(struct ocfg_settings *ret, struct error *err)
{
	struct ocfg_settings settings = {
		.enable = OCFG_ENABLE_ANNOTATED,
		.mode = OCFG_MODE_AUTO,
		.profit_guard = {.scans = 3, .pause = 600, .pause_max = 86400},
	};

	if (copy("crun", &settings.runtimes[0], err) < 0 ||
	    copy("runc", &settings.runtimes[1], err) < 0) {
		ocfg_settings_done(&settings);
		return -ENOMEM;
	}
	ocfg_ksm_settings_init(&settings.ksm);
	*ret = settings;
	return 0;
}

int ocfg_settings_parse(const char *text, size_t len, struct ocfg_settings *ret,
			struct ocfg_notes *notes, struct error *err)
{
	cleanup_json json_object *doc = NULL;
	struct ocfg_settings settings;
	int rc = ocfg_json_parse(text, len, &doc, err);

	if (rc == 0)
		rc = ocfg_json_expect(doc, json_type_object, "settings", err);
	if (rc == 0)
		rc = ocfg_settings_init(&settings, err);
	if (rc < 0)
		return rc;
	json_object_object_foreach(doc, key, value)
	{
		setting_reader *read = reader_of(key);
		struct error bad = {0};

		if (!read) {
			ocfg_notes_add(notes, "settings: unknown member \"%s\", ignoring", key);
			continue;
		}
		rc = read(value, &settings, &bad);
		if (rc == -ENOMEM) {
			ocfg_settings_done(&settings);
			return error_set(err, ENOMEM, "settings");
		}
		if (rc < 0)
			ocfg_notes_add(notes, "settings: %s: %s, using the default", key, bad.msg);
	}
	*ret = settings;
	return 0;
}

int ocfg_settings_load(const char *path, struct ocfg_settings *ret, struct ocfg_notes *notes,
		       struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int rc;

	if (!path)
		path = secure_getenv(OCFG_SETTINGS_ENV);
	if (!path)
		path = OCFG_SETTINGS_PATH;
	rc = ocfg_file_read(AT_FDCWD, path, SETTINGS_MAX, &text, &len, err);
	if (rc == 0) {
		rc = ocfg_settings_parse(text, len, ret, notes, err);
		if (rc == 0)
			return 0;
		error_wrap(err, "%s", path);
	}
	if (ocfg_settings_init(ret, rc == -ENOENT ? err : NULL) < 0) {
		memset(ret, 0, sizeof(*ret));
		return -ENOMEM;
	}
	return rc == -ENOENT ? 0 : rc;
}

void ocfg_settings_done(struct ocfg_settings *settings)
{
	free(settings->preload_dir);
	free(settings->state_dir);
	free(settings->notify_socket);
	free(settings->log);
	free_runtimes(settings->runtimes);
	settings->preload_dir = settings->state_dir = settings->notify_socket = settings->log =
		NULL;
}
