/* SPDX-License-Identifier: Apache-2.0 */
/* What engines call containers, as it stands in files of theirs. */
#include "hook/common/engine_names.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hook/common/bundle.h"
#include "oci-config/file.h"
#include "oci-config/json.h"
#include "oci-config/state.h"

#define CONFIG_MAX (1u << 20)

/* A folder of podman's with what it knows of all its containers. */
struct engine_store {
	dev_t dev;
	ino_t ino;
	json_object *lists[2];
};

void engine_names_done(struct engine_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		for (size_t n = 0; n < 2; n++)
			json_object_put(names->stores[i].lists[n]);
	free(names->stores);
	*names = (struct engine_names){0};
}

/* NULL: there is none, or it is something else. */
static json_object *read_json(int dir, const char *path, size_t max)
{
	json_object *value = NULL;
	char *text = NULL;
	size_t len;

	if (ocfg_file_read(dir, path, max, &text, &len, NULL) < 0)
		return NULL;
	if (ocfg_json_parse(text, len, &value, NULL) < 0)
		value = NULL;
	free(text);
	return value;
}

/* Borrowed; NULL where it is no string that can be a name. */
static const char *member(json_object *object, const char *key)
{
	json_object *value;
	const char *text;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	text = json_object_get_string(value);
	return *text && strlen(text) <= ENGINE_NAME_MAX ? text : NULL;
}

static size_t length(json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

static char *of_pod(const char *space, const char *pod, const char *container)
{
	char *name = NULL;

	if (!space || !pod || asprintf(&name, "%s/%s/%s", space, pod, container ?: "POD") < 0)
		return NULL;
	return name;
}

/* containerd's CRI, CRI-O and nerdctl write it into the container's own config.json. */
static char *by_annotations(json_object *config)
{
	json_object *notes = NULL;
	const char *text;
	char *name;

	if (!json_object_object_get_ex(config, "annotations", &notes))
		return NULL;
	name = of_pod(member(notes, "io.kubernetes.cri.sandbox-namespace"),
		      member(notes, "io.kubernetes.cri.sandbox-name"),
		      member(notes, "io.kubernetes.cri.container-name"));
	if (!name)
		name = of_pod(member(notes, "io.kubernetes.pod.namespace"),
			      member(notes, "io.kubernetes.pod.name"),
			      member(notes, "io.kubernetes.container.name"));
	text = name ? NULL : member(notes, "nerdctl/name");
	return text ? strdup(text) : name;
}

/* docker: it mounts files of its folder of the container, which has the ID's name, into each. */
static char *by_docker(json_object *config, const char *id, int root)
{
	char part[OCFG_ID_MAX + 32], path[PATH_MAX];
	json_object *mounts = NULL;

	json_object_object_get_ex(config, "mounts", &mounts);
	snprintf(part, sizeof(part), "/containers/%s/", id);
	for (size_t i = 0; i < length(mounts); i++) {
		const char *source = member(json_object_array_get_idx(mounts, i), "source");
		const char *found = source && *source == '/' ? strstr(source, part) : NULL;
		cleanup_json json_object *value = NULL;
		const char *name, *named;

		if (!found)
			continue;
		snprintf(path, sizeof(path), ".%.*s%sconfig.v2.json", (int)(found - source), source,
			 part);
		value = read_json(root, path, CONFIG_MAX);
		name = member(value, "Name");
		named = member(value, "ID");
		if (name && named && strcmp(named, id) == 0 && name[*name == '/'])
			return strdup(name + (*name == '/'));
	}
	return NULL;
}

static struct engine_store *open_store(struct engine_names *names, int dir)
{
	static const char *const files[] = {"containers.json", "volatile-containers.json"};
	struct engine_store *grown;
	struct stat st;

	if (fstat(dir, &st) < 0)
		return NULL;
	for (size_t i = 0; i < names->count; i++)
		if (names->stores[i].dev == st.st_dev && names->stores[i].ino == st.st_ino)
			return &names->stores[i];
	grown = reallocarray(names->stores, names->count + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	names->stores = grown;
	grown += names->count++;
	*grown = (struct engine_store){.dev = st.st_dev, .ino = st.st_ino};
	for (size_t i = 0; i < 2; i++)
		grown->lists[i] = read_json(dir, files[i], OCFG_FILE_MAX);
	return grown;
}

static char *by_store(struct engine_names *names, const char *id, int bundle)
{
	cleanup_close int dir = openat(bundle, "../..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct engine_store *store = dir < 0 ? NULL : open_store(names, dir);

	for (size_t n = 0; store && n < 2; n++)
		for (size_t i = 0; i < length(store->lists[n]); i++) {
			json_object *one = json_object_array_get_idx(store->lists[n], i);
			json_object *called = NULL;
			const char *named = member(one, "id"), *name;

			if (!named || strcmp(named, id) != 0 ||
			    !json_object_object_get_ex(one, "names", &called) || !length(called))
				continue;
			called = json_object_array_get_idx(called, 0);
			if (!json_object_is_type(called, json_type_string))
				continue;
			name = json_object_get_string(called);
			return *name && strlen(name) <= ENGINE_NAME_MAX ? strdup(name) : NULL;
		}
	return NULL;
}

char *engine_name_of_bundle(struct engine_names *names, const char *id, int bundle, int root,
			    bool is_store)
{
	cleanup_json json_object *config = read_json(bundle, "config.json", CONFIG_MAX);
	char *name = NULL;

	if (json_object_is_type(config, json_type_object)) {
		name = by_annotations(config);
		if (!name)
			name = by_docker(config, id, root);
	}
	return !name && is_store ? by_store(names, id, bundle) : name;
}

struct search {
	struct engine_names *names;
	const char *id;
	char *name;
};

static bool take_name(int bundle, int root, bool is_store, void *data)
{
	struct search *search = data;

	search->name = engine_name_of_bundle(search->names, search->id, bundle, root, is_store);
	return search->name;
}

char *engine_name(struct engine_names *names, const char *id, const pid_t *pids, size_t count)
{
	struct search search = {.names = names, .id = id};

	bundle_find(id, pids, count, take_name, &search);
	return search.name;
}

bool engine_name_is(const char *name, const char *text)
{
	const char *rest = strchr(name, '/');

	return strcmp(name, text) == 0 || (rest && strcmp(rest + 1, text) == 0);
}
