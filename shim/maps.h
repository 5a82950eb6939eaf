/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/self/maps, read without allocating. */
#ifndef SHIM_MAPS_H
#define SHIM_MAPS_H

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* One mapping: what decides whether it may be marked. */
struct shim_map {
	uintptr_t start, end;
	bool markable; /* private and writable */
	bool file;     /* of a file, not anonymous */
};

/* Calls `each` for every mapping of the process in order of address until it returns false. Nothing without /proc. */
void shim_maps_each(bool (*each)(const struct shim_map *map, void *arg), void *arg);

/* The mapping that holds addr. By PROCMAP_QUERY (since Linux 6.11), else by reading the list. */
bool shim_maps_find(uintptr_t addr, struct shim_map *ret);

#pragma GCC visibility pop

#endif
