/* SPDX-License-Identifier: Apache-2.0 */
/* Takes the edits of linux.seccomp back, as the document lists them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oci-config/edits.h"
#include "oci-config/json.h"
#include "oci-config/seccomp.h"
#include "oci-config/seccomp_edits.h"

static json_object *member(json_object *object, const char *key, json_type type)
{
	json_object *value = NULL;

	if (json_object_is_type(object, json_type_object))
		json_object_object_get_ex(object, key, &value);
	return json_object_is_type(value, type) ? value : NULL;
}

/* Removes the first item that is equal. One that somebody else has removed needs no removing. */
static void remove_item(json_object *array, json_object *value)
{
	for (size_t i = 0; array && i < json_object_array_length(array); i++) {
		if (!json_object_equal(json_object_array_get_idx(array, i), value))
			continue;
		json_object_array_del_idx(array, i, 1);
		return;
	}
}

/* The number at *text and the space after it. */
static bool take_number(const char **text, size_t *ret)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	*ret = strtoul(*text, &end, 10);
	if (*end != ' ')
		return false;
	*text = end + 1;
	return true;
}

static int misfit(const char *what, struct error *err)
{
	return error_set(err, EINVAL, OCFG_EDITS_MEMBER ": nothing fits \"%.64s\"", what);
}

static int undo_new(json_object *seccomp, const char *key, struct error *err)
{
	(void)err;
	json_object_object_del(seccomp, key);
	return 0;
}

static int undo_null(json_object *seccomp, const char *key, struct error *err)
{
	if (json_object_object_add(seccomp, key, NULL) < 0)
		return error_set(err, ENOMEM, SECCOMP);
	return 0;
}

static int undo_flag(json_object *seccomp, const char *flag, struct error *err)
{
	cleanup_json json_object *value = json_object_new_string(flag);

	if (!value)
		return error_set(err, ENOMEM, FLAGS);
	remove_item(member(seccomp, "flags", json_type_array), value);
	return 0;
}

static int undo_name(json_object *seccomp, const char *what, struct error *err)
{
	json_object *rules = member(seccomp, "syscalls", json_type_array), *names, *value;
	const char *name = what;
	size_t rule, at;

	if (!take_number(&name, &rule) || !take_number(&name, &at) || !rules ||
	    rule >= json_object_array_length(rules))
		return misfit(what, err);
	names = member(json_object_array_get_idx(rules, rule), "names", json_type_array);
	if (!names || at > json_object_array_length(names))
		return misfit(what, err);
	value = json_object_new_string(name);
	return value ? ocfg_json_insert(names, at, value, err) : error_set(err, ENOMEM, SYSCALLS);
}

static int undo_rule(json_object *seccomp, const char *what, struct error *err)
{
	json_object *rules = member(seccomp, "syscalls", json_type_array), *rule;
	const char *text = what;
	size_t at;

	if (!take_number(&text, &at) || !rules || at > json_object_array_length(rules) ||
	    ocfg_json_parse(text, strlen(text), &rule, NULL) < 0)
		return misfit(what, err);
	return ocfg_json_insert(rules, at, rule, err);
}

static int undo_added(json_object *seccomp, const char *text, struct error *err)
{
	cleanup_json json_object *rule = NULL;

	if (ocfg_json_parse(text, strlen(text), &rule, NULL) < 0)
		return misfit(text, err);
	remove_item(member(seccomp, "syscalls", json_type_array), rule);
	return 0;
}

static const struct {
	const char *prefix;
	int (*undo)(json_object *seccomp, const char *what, struct error *err);
} kinds[] = {
	{EDIT_NEW, undo_new},	{EDIT_NULL, undo_null}, {EDIT_FLAG, undo_flag},
	{EDIT_NAME, undo_name}, {EDIT_RULE, undo_rule}, {EDIT_ADDED, undo_added},
};

static int undo(json_object *seccomp, const char *edit, struct error *err)
{
	for (size_t i = 0; seccomp && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strncmp(edit, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
			return kinds[i].undo(seccomp, edit + strlen(kinds[i].prefix), err);
	return 0;
}

/* What was made to hold the edits. */
static int unmake(struct ocfg_spec *spec, struct error *err)
{
	json_object *section = member(spec->doc, LINUX, json_type_object);
	json_object *seccomp = member(section, "seccomp", json_type_object);
	int rc = 0;

	if (seccomp)
		rc = ocfg_edits_unmake(spec, seccomp, "syscalls", SYSCALLS, err);
	if (rc == 0 && seccomp)
		rc = ocfg_edits_unmake(spec, seccomp, "flags", FLAGS, err);
	if (rc == 0 && section)
		rc = ocfg_edits_unmake(spec, section, "seccomp", SECCOMP, err);
	return rc < 0 ? rc : ocfg_edits_unmake(spec, spec->doc, LINUX, LINUX, err);
}

int ocfg_seccomp_remove_notify(struct ocfg_spec *spec, struct error *err)
{
	json_object *section = member(spec->doc, LINUX, json_type_object);
	json_object *seccomp = member(section, "seccomp", json_type_object);
	const char *edit;
	bool listed = false;

	if (spec->kind != OCFG_SPEC_CONFIG)
		return 0;
	while ((edit = ocfg_edits_last(spec, "seccomp "))) {
		int rc = undo(seccomp, edit, err);

		if (rc == 0)
			rc = ocfg_edits_remove(spec, edit, err);
		if (rc < 0)
			return rc;
		listed = true;
	}
	return listed ? unmake(spec, err) : 0;
}
