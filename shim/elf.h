/* SPDX-License-Identifier: Apache-2.0 */
/* Symbols of the loaded objects, found as ld.so finds them, without any function of a libc. */
#ifndef SHIM_ELF_H
#define SHIM_ELF_H

#include <stdbool.h>

#pragma GCC visibility push(hidden)

struct link_map;

/* The object loaded after this one (in the order in which symbols are looked up), or NULL if that cannot be told. */
const struct link_map *shim_elf_next(void);

/* A symbol to look for, and where its address goes. */
struct shim_symbol {
	const char *name;
	void *addr;		       /* NULL while it has not been found */
	const struct link_map *object; /* the one that defines it */
};

/* Finds each symbol's definition in `from` or the first object after it, in one pass. Indirect functions are resolved. */
void shim_elf_find(const struct link_map *from, struct shim_symbol *symbols, unsigned count);

/* Does this very object define it? */
bool shim_elf_defines(const struct link_map *object, const char *name);

#pragma GCC visibility pop

#endif
