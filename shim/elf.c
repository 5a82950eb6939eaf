/* SPDX-License-Identifier: Apache-2.0 */
/* Symbols of the loaded objects, found as ld.so finds them, without any function of a libc. */
#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/elf.h"
#include "shim/sys.h"

/*
 * ld.so's list of objects, kept for debuggers: glibc and musl export it under different names. dlsym is not used:
 * before glibc 2.34 it is in a library that may not be loaded, and it may allocate.
 */
extern struct r_debug _r_debug __attribute__((weak));	     /* glibc */
extern struct r_debug *_dl_debug_addr __attribute__((weak)); /* musl */

/* The tables of one object that a lookup needs. */
struct tables {
	const ElfW(Sym) * symbols;
	const char *strings;
	const ElfW(Half) * versions;
	const uint32_t *gnu_hash;
	const uint32_t *sysv_hash;
	uintptr_t base;
};

const struct link_map *shim_elf_next(void)
{
	const struct r_debug *list = &_r_debug;

	if (!list && &_dl_debug_addr)
		list = _dl_debug_addr;
	if (!list)
		return NULL;
	for (const struct link_map *m = list->r_map; m; m = m->l_next) {
		if (m->l_ld == _DYNAMIC)
			return m->l_next;
	}
	return NULL;
}

static struct tables tables_of(const struct link_map *object)
{
	struct tables t = {.base = object->l_addr};

	for (const ElfW(Dyn) *d = object->l_ld; d && d->d_tag != DT_NULL; d++) {
		uintptr_t p = d->d_un.d_ptr;

		/* glibc has relocated these pointers in place, musl and the vDSO have not */
		if (p < t.base)
			p += t.base;
		if (d->d_tag == DT_SYMTAB)
			t.symbols = (const ElfW(Sym) *)p;
		else if (d->d_tag == DT_STRTAB)
			t.strings = (const char *)p;
		else if (d->d_tag == DT_VERSYM)
			t.versions = (const ElfW(Half) *)p;
		else if (d->d_tag == DT_GNU_HASH)
			t.gnu_hash = (const uint32_t *)p;
		else if (d->d_tag == DT_HASH)
			t.sysv_hash = (const uint32_t *)p;
	}
	return t;
}

static bool equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/* Defined here, a function or data, and the default version of its name. */
static bool is_match(const struct tables *t, uint32_t i, const char *name)
{
	const ElfW(Sym) *s = &t->symbols[i];

	if (s->st_shndx == SHN_UNDEF || ELF64_ST_BIND(s->st_info) == STB_LOCAL)
		return false;
	if (t->versions && (t->versions[i] & 0x8000))
		return false;
	return equal(t->strings + s->st_name, name);
}

static const ElfW(Sym) * find_gnu(const struct tables *t, const char *name)
{
	const uint32_t *h = t->gnu_hash;
	uint32_t buckets = h[0], first = h[1], bloom = h[2];
	const uint32_t *bucket = h + 4 + bloom * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
	const uint32_t *chain = bucket + buckets;
	uint32_t hash = 5381;

	for (const char *c = name; *c; c++)
		hash = hash * 33 + (unsigned char)*c;
	if (buckets == 0)
		return NULL;
	for (uint32_t i = bucket[hash % buckets]; i >= first && i != 0; i++) {
		uint32_t other = chain[i - first];

		if ((other | 1) == (hash | 1) && is_match(t, i, name))
			return &t->symbols[i];
		if (other & 1)
			break;
	}
	return NULL;
}

static const ElfW(Sym) * find_sysv(const struct tables *t, const char *name)
{
	uint32_t count = t->sysv_hash[1];

	for (uint32_t i = 1; i < count; i++) {
		if (is_match(t, i, name))
			return &t->symbols[i];
	}
	return NULL;
}

static const ElfW(Sym) * find_in(const struct tables *t, const char *name)
{
	if (!t->symbols || !t->strings)
		return NULL;
	if (t->gnu_hash)
		return find_gnu(t, name);
	return t->sysv_hash ? find_sysv(t, name) : NULL;
}

void shim_elf_find(const struct link_map *from, struct shim_symbol *symbols, unsigned count)
{
	unsigned missing = count;

	for (const struct link_map *m = from; m && missing > 0; m = m->l_next) {
		struct tables t = tables_of(m);

		for (unsigned i = 0; i < count; i++) {
			const ElfW(Sym) *s = symbols[i].addr ? NULL : find_in(&t, symbols[i].name);
			uintptr_t addr;

			if (!s)
				continue;
			addr = t.base + s->st_value;
			if (ELF64_ST_TYPE(s->st_info) == STT_GNU_IFUNC)
				addr = ((uintptr_t(*)(void))addr)();
			symbols[i].addr = (void *)addr;
			symbols[i].object = m;
			missing--;
		}
	}
}

bool shim_elf_defines(const struct link_map *object, const char *name)
{
	struct tables t = tables_of(object);

	return find_in(&t, name) != NULL;
}
