/* SPDX-License-Identifier: Apache-2.0 */
/* What engines call containers, as it stands in files of theirs. */
#ifndef HOOK_COMMON_ENGINE_NAMES_H
#define HOOK_COMMON_ENGINE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define ENGINE_NAME_MAX 1024 /* bytes; what is longer is no name */

struct engine_store;

/* Files of engines with the names of many containers, each read once. {0} is none; engine_names_done frees it. */
struct engine_names {
	struct engine_store *stores;
	size_t count;
};
void engine_names_done(struct engine_names *names);

/*
 * The name of the running container with that ID, of which `pids` are processes: podman's, docker's or nerdctl's, or of CRI
 * "namespace/pod/container" ("namespace/pod/POD" for a pause container). Found by the process that has started it (conmon, a shim),
 * which knows the bundle; so it does not matter where engines have their files, and whose they are. NULL if it has none, or
 * none that may be read. Tenants choose names: escape them. The caller frees it.
 */
char *engine_name(struct engine_names *names, const char *id, const pid_t *pids, size_t count);

/*
 * The same from what is in the bundle, an open folder. `root`: the engine's root folder, open. `is_store`: it is one of podman's,
 * <store>/ID/userdata.
 */
char *engine_name_of_bundle(struct engine_names *names, const char *id, int bundle, int root,
			    bool is_store);

/* Is `text` that name, or, of one with two slashes, what follows the first ("pod/container")? */
bool engine_name_is(const char *name, const char *text);

#endif
