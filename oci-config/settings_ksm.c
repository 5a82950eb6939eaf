/* SPDX-License-Identifier: Apache-2.0 */
/* The blocks of the settings that are about the host's KSM: "ksm", "boost" and "pressure". */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "oci-config/json.h"
#include "oci-config/settings_ksm.h"

/* A number or, with max 1, true or false (or 1 and 0, as in the kernel's files). */
struct member {
	const char *key;
	size_t offset; /* of an int64_t in the block */
	int64_t min, max;
};

static const struct member ksm_members[] = {
	{"scan_time", offsetof(struct ocfg_ksm, scan_time), 1, 86400},
	{"cpu", offsetof(struct ocfg_ksm, cpu), 1, 100},
	{"pages_to_scan", offsetof(struct ocfg_ksm, pages_to_scan), 1, UINT32_MAX},
	{"sleep_millisecs", offsetof(struct ocfg_ksm, sleep_millisecs), 0, UINT32_MAX},
	{"smart_scan", offsetof(struct ocfg_ksm, smart_scan), 0, 1},
	{"use_zero_pages", offsetof(struct ocfg_ksm, use_zero_pages), 0, 1},
	{"max_page_sharing", offsetof(struct ocfg_ksm, max_page_sharing), 2, INT32_MAX},
	{"merge_across_nodes", offsetof(struct ocfg_ksm, merge_across_nodes), 0, 1},
};

static const struct member boost_members[] = {
	{"cpu", offsetof(struct ocfg_boost, cpu), 1, 95},
	{"seconds", offsetof(struct ocfg_boost, seconds), 1, 3600},
};

static const struct member pressure_members[] = {
	{"available", offsetof(struct ocfg_pressure, available), 1, 100},
	{"stall", offsetof(struct ocfg_pressure, stall), 1, 100},
};

static int read_member(json_object *value, const struct member *member, int64_t *ret,
		       struct error *err)
{
	if (member->max == 1 && json_object_is_type(value, json_type_boolean)) {
		*ret = json_object_get_boolean(value);
		return 0;
	}
	if (!json_object_is_type(value, json_type_int))
		return error_set(err, EINVAL, "%s: %s", member->key,
				 member->max == 1 ? "neither true nor false" : "not a number");
	if (json_object_get_int64(value) < member->min ||
	    json_object_get_int64(value) > member->max)
		return error_set(err, EINVAL, "%s: not from %" PRId64 " to %" PRId64, member->key,
				 member->min, member->max);
	*ret = json_object_get_int64(value);
	return 0;
}

static int read_block(json_object *value, const struct member *members, size_t count, void *block,
		      struct error *err)
{
	int rc = ocfg_json_expect(value, json_type_object, "value", err);

	if (rc < 0)
		return rc;
	json_object_object_foreach(value, key, item)
	{
		const struct member *member = NULL;
		int64_t number = 0;

		for (size_t i = 0; i < count; i++)
			if (strcmp(members[i].key, key) == 0)
				member = &members[i];
		if (!member)
			return error_set(err, EINVAL, "unknown member \"%s\"", key);
		rc = read_member(item, member, &number, err);
		if (rc < 0)
			return rc;
		memcpy((char *)block + member->offset, &number, sizeof(number));
	}
	return 0;
}

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct ocfg_ksm no_ksm = {
	OCFG_KSM_UNSET, OCFG_KSM_UNSET, OCFG_KSM_UNSET, OCFG_KSM_UNSET,
	OCFG_KSM_UNSET, OCFG_KSM_UNSET, OCFG_KSM_UNSET, OCFG_KSM_UNSET,
};
static const struct ocfg_boost default_boost = {.cpu = 50, .seconds = 60};

void ocfg_ksm_settings_init(struct ocfg_ksm_settings *ret)
{
	*ret = (struct ocfg_ksm_settings){.ksm = no_ksm, .boost = default_boost};
}

int ocfg_ksm_read(json_object *value, struct ocfg_ksm *ret, struct error *err)
{
	struct ocfg_ksm ksm = no_ksm;
	int rc = read_block(value, ksm_members, COUNT(ksm_members), &ksm, err);

	if (rc == 0)
		*ret = ksm;
	return rc;
}

int ocfg_boost_read(json_object *value, struct ocfg_boost *ret, struct error *err)
{
	struct ocfg_boost boost = default_boost;
	int rc = 0;

	boost.on = true;
	if (json_object_is_type(value, json_type_boolean))
		boost.on = json_object_get_boolean(value);
	else
		rc = read_block(value, boost_members, COUNT(boost_members), &boost, err);
	if (rc == 0)
		*ret = boost;
	return rc;
}

int ocfg_pressure_read(json_object *value, struct ocfg_pressure *ret, struct error *err)
{
	struct ocfg_pressure pressure = {0};
	int rc = read_block(value, pressure_members, COUNT(pressure_members), &pressure, err);

	if (rc < 0)
		return rc;
	if (!pressure.available && !pressure.stall)
		return error_set(err, EINVAL, "neither available nor stall");
	pressure.on = true;
	*ret = pressure;
	return 0;
}
