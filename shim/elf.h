/* SPDX-License-Identifier: Apache-2.0 */
/* Symbols of the loaded objects, found as ld.so finds them, without any function of a libc. */
#ifndef SHIM_ELF_H
#define SHIM_ELF_H

#include <stdbool.h>

#pragma GCC visibility push(hidden)

struct link_map;

/* The object loaded after this one (in the order in which symbols are looked up), or NULL if that cannot be told. */
const struct link_map *shim_elf_next(void);

/*
 * The definition of `name` in `from` or the first object after it; NULL if there is none. *ret_in (if not NULL) is
 * the object that defines it. Indirect functions are resolved.
 */
void *shim_elf_symbol(const struct link_map *from, const char *name,
		      const struct link_map **ret_in);
/* Does this very object define it? */
bool shim_elf_defines(const struct link_map *object, const char *name);

#pragma GCC visibility pop

#endif
