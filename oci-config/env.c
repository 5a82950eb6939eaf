/* SPDX-License-Identifier: Apache-2.0 */
/* process.env: an array of "NAME=value" strings. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oci-config/cleanup.h"
#include "oci-config/env.h"
#include "oci-config/json.h"

/* The value in element `i` if that sets NAME, else NULL. */
static const char *value_at(json_object *env, size_t i, const char *name)
{
	const char *text = json_object_get_string(json_object_array_get_idx(env, i));
	size_t len = strlen(name);

	return text && strncmp(text, name, len) == 0 && text[len] == '=' ? text + len + 1 : NULL;
}

/* The last element that sets NAME, or the array's length. */
static size_t find(json_object *env, const char *name)
{
	size_t count = env ? json_object_array_length(env) : 0;

	for (size_t i = count; i > 0; i--)
		if (value_at(env, i - 1, name))
			return i - 1;
	return count;
}

const char *ocfg_env_get(json_object *env, const char *name)
{
	size_t at = find(env, name);

	return env && at < json_object_array_length(env) ? value_at(env, at, name) : NULL;
}

static json_object *new_element(const char *name, const char *value)
{
	cleanup_free char *text = NULL;

	if (asprintf(&text, "%s=%s", name, value) < 0) {
		text = NULL;
		return NULL;
	}
	return json_object_new_string(text);
}

/* Element `at` becomes NAME=value; at the array's length it is appended. */
static int put(json_object *env, size_t at, const char *name, const char *value, struct error *err)
{
	json_object *element = new_element(name, value);

	if (element && json_object_array_put_idx(env, at, element) == 0)
		return 0;
	json_object_put(element);
	return error_set(err, ENOMEM, "set %s", name);
}

static int drop(json_object *env, size_t at, const char *name, struct error *err)
{
	if (json_object_array_del_idx(env, at, 1) == 0)
		return 0;
	return error_set(err, EINVAL, "unset %s", name);
}

int ocfg_env_set(json_object *env, const char *name, const char *value, struct error *err)
{
	size_t last = find(env, name);

	for (size_t i = last; i > 0; i--) {
		if (!value_at(env, i - 1, name))
			continue;
		if (drop(env, i - 1, name, err) < 0)
			return error_wrap(err, "duplicate");
		last--;
	}
	return put(env, last, name, value, err);
}

int ocfg_env_unset(json_object *env, const char *name, struct error *err)
{
	for (size_t i = json_object_array_length(env); i > 0; i--) {
		int rc = value_at(env, i - 1, name) ? drop(env, i - 1, name, err) : 0;

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Where `entry` stands as a whole in the list, the last time; NULL if it does not. */
static const char *find_entry(const char *list, const char *entry)
{
	size_t len = strlen(entry), word_len;
	const char *found = NULL;

	for (const char *word = list;; word += word_len + 1) {
		word_len = strcspn(word, ": ");
		if (word_len == len && memcmp(word, entry, len) == 0)
			found = word;
		if (word[word_len] == '\0')
			return found;
	}
}

bool ocfg_env_list_has(json_object *env, const char *name, const char *entry)
{
	const char *list = ocfg_env_get(env, name);

	return list && find_entry(list, entry);
}

int ocfg_env_list_add(json_object *env, const char *name, const char *entry, struct error *err)
{
	cleanup_free char *longer = NULL;
	const char *list = ocfg_env_get(env, name);

	if (!list)
		return put(env, json_object_array_length(env), name, entry, err);
	if (find_entry(list, entry))
		return 0;
	/*
	 * Behind an empty list as well: removing the entry with its separator gives the empty list
	 * back.
	 */
	if (asprintf(&longer, "%s:%s", list, entry) < 0) {
		longer = NULL;
		return error_set(err, ENOMEM, "set %s", name);
	}
	return put(env, find(env, name), name, longer, err);
}

int ocfg_env_list_remove(json_object *env, const char *name, const char *entry, struct error *err)
{
	cleanup_free char *shorter = NULL;
	const char *list = ocfg_env_get(env, name), *found, *rest;

	found = list ? find_entry(list, entry) : NULL;
	if (!found)
		return 0;
	rest = found + strlen(entry);
	if (found == list && *rest == '\0')
		return drop(env, find(env, name), name, err);
	if (found == list)
		rest++;
	else
		found--;
	if (asprintf(&shorter, "%.*s%s", (int)(found - list), list, rest) < 0) {
		shorter = NULL;
		return error_set(err, ENOMEM, "set %s", name);
	}
	return put(env, find(env, name), name, shorter, err);
}
