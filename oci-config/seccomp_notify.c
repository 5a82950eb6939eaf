/* SPDX-License-Identifier: Apache-2.0 */
/* The edit of linux.seccomp by which the helper is notified. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "oci-config/edits.h"
#include "oci-config/json.h"
#include "oci-config/seccomp.h"
#include "oci-config/seccomp_edits.h"
#include "oci-config/seccomp_plan.h"

static json_object *member(json_object *object, const char *key)
{
	json_object *value = NULL;

	if (json_object_is_type(object, json_type_object))
		json_object_object_get_ex(object, key, &value);
	return value;
}

static int note(struct ocfg_spec *spec, struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int note(struct ocfg_spec *spec, struct error *err, const char *fmt, ...)
{
	cleanup_free char *edit = NULL;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&edit, fmt, args);
	va_end(args);
	if (len < 0) {
		edit = NULL;
		return error_set(err, ENOMEM, SECCOMP);
	}
	return ocfg_edits_add(spec, edit, err);
}

static int set_member(struct ocfg_spec *spec, json_object *seccomp, const char *key,
		      json_object *value, struct error *err)
{
	bool was_null = json_object_object_get_ex(seccomp, key, NULL);
	int rc = ocfg_json_add(seccomp, key, value, err);

	return rc < 0 ? rc : note(spec, err, "%s%s", was_null ? EDIT_NULL : EDIT_NEW, key);
}

static json_object *native_architectures(void)
{
#if defined(__x86_64__)
	static const char *const names[] = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
#elif defined(__aarch64__)
	static const char *const names[] = {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"};
#else
#error "which programs run on this machine?"
#endif
	cleanup_json json_object *array = json_object_new_array();

	for (size_t i = 0; array && i < sizeof(names) / sizeof(names[0]); i++)
		if (ocfg_json_append(array, json_object_new_string(names[i]), NULL) < 0)
			return NULL;
	return steal_pointer(&array);
}

/* *ret: linux.seccomp; made, one that allows all to programs of every width, where there is none. */
static int make_seccomp(struct ocfg_spec *spec, json_object **ret, struct error *err)
{
	json_object *section = NULL, *seccomp = NULL;
	int rc = ocfg_edits_make(spec, spec->doc, LINUX, LINUX, json_type_object, &section, err);
	bool is_there = rc == 0 && member(section, "seccomp");

	if (rc == 0)
		rc = ocfg_edits_make(spec, section, "seccomp", SECCOMP, json_type_object, &seccomp,
				     err);
	if (rc == 0 && !is_there) {
		rc = set_member(spec, seccomp, "defaultAction",
				json_object_new_string("SCMP_ACT_ALLOW"), err);
		if (rc == 0)
			rc = set_member(spec, seccomp, "architectures", native_architectures(),
					err);
	}
	if (rc == 0)
		*ret = seccomp;
	return rc;
}

static int add_flag(struct ocfg_spec *spec, json_object *flags, const char *flag, struct error *err)
{
	int rc;

	for (size_t i = 0; i < json_object_array_length(flags); i++) {
		json_object *item = json_object_array_get_idx(flags, i);

		if (json_object_is_type(item, json_type_string) &&
		    strcmp(json_object_get_string(item), flag) == 0)
			return 0;
	}
	rc = ocfg_json_append(flags, json_object_new_string(flag), err);
	return rc < 0 ? rc : note(spec, err, EDIT_FLAG "%s", flag);
}

static int add_flags(struct ocfg_spec *spec, json_object *seccomp,
		     const struct ocfg_seccomp_edit *edit, struct error *err)
{
	bool had_flags = member(seccomp, "flags");
	json_object *flags;
	int rc;

	if (!edit->wait_killable)
		return 0;
	rc = ocfg_edits_make(spec, seccomp, "flags", FLAGS, json_type_array, &flags, err);
	if (rc == 0 && !had_flags && edit->spec_allow)
		rc = add_flag(spec, flags, "SECCOMP_FILTER_FLAG_SPEC_ALLOW", err);
	if (rc == 0)
		rc = add_flag(spec, flags, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", err);
	return rc;
}

static int del(json_object *array, size_t at, struct error *err)
{
	if (json_object_array_del_idx(array, at, 1) == 0)
		return 0;
	return error_set(err, EINVAL, SECCOMP ": no item %zu", at);
}

/* Takes a name out of the rule rules[at], and the rule out if no other name is in it. */
static int take_name(struct ocfg_spec *spec, json_object *rules, size_t at, const char *name,
		     struct error *err)
{
	json_object *rule = json_object_array_get_idx(rules, at), *names = member(rule, "names");
	size_t place = seccomp_rule_find(rule, name), len;
	const char *text;
	int rc;

	if (json_object_array_length(names) == 1) {
		rc = ocfg_json_print(rule, &text, &len, err);
		if (rc == 0)
			rc = note(spec, err, EDIT_RULE "%zu %s", at, text);
		return rc < 0 ? rc : del(rules, at, err);
	}
	rc = note(spec, err, EDIT_NAME "%zu %zu %s", at, place, name);
	return rc < 0 ? rc : del(names, place, err);
}

static int take_names(struct ocfg_spec *spec, json_object *seccomp, json_object *rules,
		      const char *name, struct error *err)
{
	size_t at = 0;
	int rc = 0;

	while (rc == 0 && at < json_object_array_length(rules)) {
		if (seccomp_rule_allows(seccomp, json_object_array_get_idx(rules, at), name))
			rc = take_name(spec, rules, at, name, err);
		else
			at++;
	}
	return rc;
}

/*
 * In front of all others: libseccomp 2.5 drops a rule if shorter ones came before it that look at the
 * same arguments.
 */
static int add_rules(struct ocfg_spec *spec, json_object *rules, json_object *added,
		     struct error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < json_object_array_length(added); i++) {
		json_object *rule = json_object_array_get_idx(added, i);
		const char *text;
		size_t len;

		rc = ocfg_json_print(rule, &text, &len, err);
		if (rc == 0)
			rc = note(spec, err, EDIT_ADDED "%s", text);
		if (rc == 0)
			rc = ocfg_json_insert(rules, i, json_object_get(rule), err);
	}
	return rc;
}

static int apply(struct ocfg_spec *spec, const struct ocfg_seccomp_edit *edit,
		 const struct seccomp_plan *plan, struct error *err)
{
	json_object *seccomp = NULL, *rules = NULL;
	char metadata[96];
	int rc = make_seccomp(spec, &seccomp, err);

	if (rc == 0)
		rc = set_member(spec, seccomp, PATH, json_object_new_string(edit->socket), err);
	ocfg_notify_format(&edit->notify, metadata, sizeof(metadata));
	if (rc == 0)
		rc = set_member(spec, seccomp, METADATA, json_object_new_string(metadata), err);
	if (rc == 0)
		rc = add_flags(spec, seccomp, edit, err);
	if (rc == 0)
		rc = ocfg_edits_make(spec, seccomp, "syscalls", SYSCALLS, json_type_array, &rules,
				     err);
	for (size_t i = 0; rc == 0 && i < plan->count; i++)
		rc = take_names(spec, seccomp, rules, plan->taken[i], err);
	return rc < 0 ? rc : add_rules(spec, rules, plan->rules, err);
}

/* The helper makes these calls in the container's processes. */
static int check_helper_lives(const struct ocfg_spec *spec, struct error *err)
{
	static const char *const calls[] = {"madvise", "prctl", "process_madvise"};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!ocfg_seccomp_spares(spec, calls[i]))
			return error_set(err, EINVAL, "it kills who calls %s", calls[i]);
	return 0;
}

static int check(const struct ocfg_spec *spec, json_object **ret, struct error *err)
{
	json_object *section, *flags;
	const char *path = NULL;
	int rc = ocfg_json_get_object(spec->doc, LINUX, &section, err);

	if (rc == 0)
		rc = ocfg_json_get_object(section, "seccomp", ret, err);
	if (rc == 0)
		rc = ocfg_json_get_string(*ret, PATH, &path, err);
	if (rc == 0)
		rc = ocfg_json_get_array(*ret, "flags", &flags, err);
	if (rc == 0 && (path || member(*ret, METADATA)))
		rc = error_set(err, EINVAL, "it has another listener, %.128s", path ? path : "");
	if (rc == 0 && *ret && !member(*ret, "defaultAction"))
		rc = error_set(err, EINVAL, "defaultAction: missing");
	return rc < 0 ? rc : check_helper_lives(spec, err);
}

static int make_plan(const struct ocfg_spec *spec, const struct ocfg_seccomp_edit *edit,
		     struct seccomp_plan *ret, struct error *err)
{
	json_object *seccomp = NULL;
	int rc = check(spec, &seccomp, err);

	if (rc == 0)
		rc = seccomp_plan_make(seccomp, &edit->notify, ret, err);
	return rc < 0 ? error_wrap(err, "the container's seccomp profile") : 0;
}

bool ocfg_seccomp_has_notify(const struct ocfg_spec *spec, const char *socket)
{
	json_object *seccomp = member(member(spec->doc, LINUX), "seccomp");
	json_object *path = member(seccomp, PATH), *rules = member(seccomp, "syscalls");

	if (spec->kind != OCFG_SPEC_CONFIG || !json_object_is_type(path, json_type_string) ||
	    strcmp(json_object_get_string(path), socket) != 0 ||
	    !json_object_is_type(rules, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(rules); i++) {
		json_object *action = member(json_object_array_get_idx(rules, i), "action");

		if (json_object_is_type(action, json_type_string) &&
		    strcmp(json_object_get_string(action), "SCMP_ACT_NOTIFY") == 0)
			return true;
	}
	return false;
}

int ocfg_seccomp_can_notify(const struct ocfg_spec *spec, const struct ocfg_seccomp_edit *edit,
			    struct error *err)
{
	struct seccomp_plan plan;
	int rc;

	if (ocfg_seccomp_has_notify(spec, edit->socket))
		return 0;
	rc = make_plan(spec, edit, &plan, err);
	if (rc == 0)
		json_object_put(plan.rules);
	return rc;
}

int ocfg_seccomp_add_notify(struct ocfg_spec *spec, const struct ocfg_seccomp_edit *edit,
			    struct error *err)
{
	struct seccomp_plan plan;
	int rc;

	if (spec->kind != OCFG_SPEC_CONFIG || ocfg_seccomp_has_notify(spec, edit->socket))
		return 0;
	rc = make_plan(spec, edit, &plan, err);
	if (rc < 0)
		return rc;
	rc = apply(spec, edit, &plan, err);
	json_object_put(plan.rules);
	return rc;
}
