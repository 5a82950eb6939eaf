/* SPDX-License-Identifier: Apache-2.0 */
/* tune.json: what the host's KSM was before oci-ksm's first change, what was written, and who wishes what. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "hook/common/ksm_tuning.h"
#include "oci-config/file.h"
#include "oci-config/json.h"

#define FILE_NAME    "tune.json"
#define FILE_MAX     (64u << 10)
#define FILE_VERSION 1
#define BOOT_ID	     "/proc/sys/kernel/random/boot_id"

static int read_boot(char *buf, size_t size, struct error *err)
{
	cleanup_close int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : ocfg_file_read_full(fd, buf, size - 1);

	if (len <= 0)
		return error_set(err, len < 0 ? errno : EIO, "read " BOOT_ID);
	buf[len] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

static int load_held(json_object *doc, struct ksm_held held[KSM_KNOBS], struct error *err)
{
	json_object *all = NULL;
	int rc = ocfg_json_get_object(doc, "held", &all, err);

	for (enum ksm_knob knob = 0; rc == 0 && knob < KSM_KNOBS; knob++) {
		struct ksm_held one = {.held = true, .before = KSM_UNKNOWN, .wrote = KSM_UNKNOWN};
		json_object *object = NULL;

		rc = ocfg_json_get_object(all, ksm_knob_name(knob), &object, err);
		if (rc < 0 || !object)
			continue;
		rc = ocfg_json_get_int64(object, "before", &one.before, err);
		if (rc == 0)
			rc = ocfg_json_get_int64(object, "wrote", &one.wrote, err);
		one.was = one.before;
		if (rc == 0)
			rc = ocfg_json_get_int64(object, "was", &one.was, err);
		if (rc == 0)
			rc = ocfg_json_get_bool(object, "refused", &one.refused, err);
		held[knob] = one;
	}
	return rc;
}

static int load_wishes(json_object *doc, struct ksm_tuning *ret, struct error *err)
{
	json_object *tune = NULL;
	int64_t pressure = KSM_PRESSURE_NONE, pid = 0;
	int rc = ocfg_json_get_object(doc, "tune", &tune, err);

	for (enum ksm_knob knob = 0; rc == 0 && knob < KSM_KNOBS; knob++)
		rc = ocfg_json_get_int64(tune, ksm_knob_name(knob), &ret->wishes.tune.value[knob],
					 err);
	if (rc == 0)
		rc = ocfg_json_get_int64(doc, "boost", &ret->wishes.boost, err);
	if (rc == 0)
		rc = ocfg_json_get_int64(doc, "pressure", &pressure, err);
	if (rc == 0)
		rc = ocfg_json_get_int64(doc, "steward", &pid, err);
	if (rc == 0)
		rc = ocfg_json_get_uint64(doc, "steward_start", &ret->steward_start, err);
	if (rc == 0 && (pressure < KSM_PRESSURE_NONE || pressure > KSM_PRESSURE_SCAN || pid < 0 ||
			pid > INT_MAX || ret->wishes.boost < 0))
		rc = error_set(err, EINVAL, "numbers that nobody writes");
	if (rc < 0)
		return rc;
	ret->wishes.pressure = (unsigned)pressure;
	ret->steward = (pid_t)pid;
	return 0;
}

int ksm_tuning_load(int dir, struct ksm_tuning *ret, struct error *err)
{
	struct ksm_tuning tuning = {.wishes = KSM_WISHES_NONE};
	cleanup_json json_object *doc = NULL;
	cleanup_free char *text = NULL;
	const char *of = NULL;
	char boot[64];
	size_t len;
	int rc = ocfg_file_read(dir, FILE_NAME, FILE_MAX, &text, &len, err);

	if (rc == -ENOENT) {
		*ret = tuning;
		return 0;
	}
	if (rc == 0)
		rc = ocfg_json_parse(text, len, &doc, err);
	if (rc == 0)
		rc = ocfg_json_expect(doc, json_type_object, "document", err);
	if (rc == 0)
		rc = ocfg_json_get_string(doc, "boot_id", &of, err);
	if (rc == 0)
		rc = read_boot(boot, sizeof(boot), err);
	if (rc == 0 && of && strcmp(of, boot) == 0) {
		rc = load_held(doc, tuning.held, err);
		if (rc == 0)
			rc = load_wishes(doc, &tuning, err);
	}
	if (rc < 0)
		return error_wrap(err, FILE_NAME " in the folder of state");
	*ret = tuning;
	return 0;
}

static int add_number(json_object *object, const char *key, int64_t value, struct error *err)
{
	if (value == KSM_UNKNOWN)
		return 0;
	return ocfg_json_add(object, key, json_object_new_int64(value), err);
}

static int save_held(json_object *doc, const struct ksm_held held[KSM_KNOBS], struct error *err)
{
	json_object *all = json_object_new_object();
	int rc = ocfg_json_add(doc, "held", all, err);

	for (enum ksm_knob knob = 0; rc == 0 && knob < KSM_KNOBS; knob++) {
		json_object *object;

		if (!held[knob].held)
			continue;
		object = json_object_new_object();
		rc = ocfg_json_add(all, ksm_knob_name(knob), object, err);
		if (rc == 0)
			rc = add_number(object, "before", held[knob].before, err);
		if (rc == 0)
			rc = add_number(object, "wrote", held[knob].wrote, err);
		if (rc == 0)
			rc = add_number(object, "was", held[knob].was, err);
		if (rc == 0 && held[knob].refused)
			rc = ocfg_json_add(object, "refused", json_object_new_boolean(true), err);
	}
	return rc;
}

static int save_wishes(json_object *doc, const struct ksm_tuning *tuning, struct error *err)
{
	json_object *tune = json_object_new_object();
	int rc = ocfg_json_add(doc, "tune", tune, err);

	for (enum ksm_knob knob = 0; rc == 0 && knob < KSM_KNOBS; knob++)
		rc = add_number(tune, ksm_knob_name(knob), tuning->wishes.tune.value[knob], err);
	if (rc == 0 && tuning->steward) {
		rc = add_number(doc, "boost", tuning->wishes.boost, err);
		if (rc == 0)
			rc = add_number(doc, "pressure", (int64_t)tuning->wishes.pressure, err);
		if (rc == 0)
			rc = add_number(doc, "steward", tuning->steward, err);
		if (rc == 0)
			rc = ocfg_json_add(doc, "steward_start",
					   json_object_new_uint64(tuning->steward_start), err);
	}
	return rc;
}

static bool is_empty(const struct ksm_tuning *tuning)
{
	for (enum ksm_knob knob = 0; knob < KSM_KNOBS; knob++)
		if (tuning->held[knob].held || tuning->wishes.tune.value[knob] != KSM_UNKNOWN)
			return false;
	return tuning->steward == 0;
}

int ksm_tuning_save(int dir, const struct ksm_tuning *tuning, struct error *err)
{
	cleanup_json json_object *doc = NULL;
	const char *text;
	char boot[64];
	size_t len;
	int rc;

	if (is_empty(tuning)) {
		if (unlinkat(dir, FILE_NAME, 0) < 0 && errno != ENOENT)
			return error_set(err, errno, "remove " FILE_NAME);
		return 0;
	}
	rc = read_boot(boot, sizeof(boot), err);
	if (rc < 0)
		return rc;
	doc = json_object_new_object();
	if (!doc)
		return error_set(err, ENOMEM, FILE_NAME);
	rc = add_number(doc, "version", FILE_VERSION, err);
	if (rc == 0)
		rc = ocfg_json_add(doc, "boot_id", json_object_new_string(boot), err);
	if (rc == 0)
		rc = save_held(doc, tuning->held, err);
	if (rc == 0)
		rc = save_wishes(doc, tuning, err);
	if (rc == 0)
		rc = ocfg_json_print(doc, &text, &len, err);
	if (rc == 0)
		rc = ocfg_file_replace(dir, FILE_NAME, text, len, err);
	return rc;
}
