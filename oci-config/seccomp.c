/* SPDX-License-Identifier: Apache-2.0 */
/* linux.seccomp of config.json. */
#include <string.h>

#include "oci-config/json.h"
#include "oci-config/seccomp.h"

#if defined(__x86_64__)
#define NATIVE "SCMP_ARCH_X86_64"
#elif defined(__aarch64__)
#define NATIVE "SCMP_ARCH_AARCH64"
#endif

/* The member of this type, or NULL: what is of a wrong type is the runtime's to refuse. */
static json_object *member(json_object *object, const char *key, json_type type)
{
	json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, key, &value))
		return NULL;
	return json_object_is_type(value, type) ? value : NULL;
}

static size_t length(json_object *array)
{
	return array ? json_object_array_length(array) : 0;
}

static bool is_harmless(json_object *object, const char *key)
{
	static const char *const harmless[] = {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_LOG"};
	json_object *action = member(object, key, json_type_string);

	for (size_t i = 0; action && i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (strcmp(json_object_get_string(action), harmless[i]) == 0)
			return true;
	return false;
}

static json_object *profile(const struct ocfg_spec *spec)
{
	return member(member(spec->doc, "linux", json_type_object), "seccomp", json_type_object);
}

static bool has_text(json_object *names, const char *name)
{
	for (size_t i = 0; i < length(names); i++) {
		json_object *text = json_object_array_get_idx(names, i);

		if (json_object_is_type(text, json_type_string) &&
		    strcmp(json_object_get_string(text), name) == 0)
			return true;
	}
	return false;
}

bool ocfg_seccomp_is_there(const struct ocfg_spec *spec)
{
	return profile(spec);
}

bool ocfg_seccomp_is_native(const struct ocfg_spec *spec)
{
	json_object *names = member(profile(spec), "architectures", json_type_array);

	return length(names) == 0 || has_text(names, "SCMP_ARCH_NATIVE") || has_text(names, NATIVE);
}

bool ocfg_seccomp_spares(const struct ocfg_spec *spec, const char *syscall)
{
	json_object *seccomp = profile(spec);
	json_object *rules = member(seccomp, "syscalls", json_type_array);
	bool spared = !seccomp || is_harmless(seccomp, "defaultAction");

	for (size_t i = 0; i < length(rules); i++) {
		json_object *rule = json_object_array_get_idx(rules, i);

		if (!has_text(member(rule, "names", json_type_array), syscall))
			continue;
		if (!is_harmless(rule, "action"))
			return false;
		/* A rule with conditions leaves the rest of the calls to the default. */
		if (length(member(rule, "args", json_type_array)) == 0)
			spared = true;
	}
	return spared;
}
