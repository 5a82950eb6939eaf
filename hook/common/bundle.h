/* SPDX-License-Identifier: Apache-2.0 */
/* Where engines keep the bundles of running containers. */
#ifndef HOOK_COMMON_BUNDLE_H
#define HOOK_COMMON_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Open folders, of the caller's only while he is called. True ends the search. */
typedef bool bundle_each(int bundle, int root, bool is_store, void *data);

/*
 * The bundles of the container with that ID, of which `pids` are processes, as those know them that have started it (conmon, a
 * shim); so it does not matter where engines have their files, and whose they are. `root`: the engine's root folder.
 * `is_store`: it is one of podman's, <store>/ID/userdata.
 */
void bundle_find(const char *id, const pid_t *pids, size_t count, bundle_each *each, void *data);

#endif
