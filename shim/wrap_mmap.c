/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mmap, brk and their kin, where programs and other allocators call them (jemalloc, tcmalloc, V8, the JVM, Go with cgo); and the
 * calls that say "this is secret" or "this must not wait": what is locked or kept out of dumps is not merged, nor what the
 * program itself unmarks.
 */
#include <stdarg.h>

#include "shim/batch.h"
#include "shim/exports.h"
#include "shim/maps.h"
#include "shim/mark.h"
#include "shim/sys.h"

#define MAP_TYPE_BITS 0x0f /* MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE */
#define MAP_DECIDING  (MAP_TYPE_BITS | MAP_STACK | MAP_GROWSDOWN | MAP_HUGETLB)

/* Address space, of which the program will use a part: without access, or with no claim on memory. */
static bool is_reservation(size_t len, int prot, int flags)
{
	return len >= SHIM_RESERVATION && (prot == PROT_NONE || flags & MAP_NORESERVE);
}

/*
 * Private mappings, but stacks, huge pages and locked ones; those of files only if they are there to be written (the JVM's class
 * archive). The mark stays through mprotect: what is reserved without access now is marked when it is used.
 */
static void *mapped(void *p, size_t len, int prot, int flags)
{
	if (sys_failed((long)p))
		return p;
	if (flags & MAP_LOCKED)
		shim_keep_out(p, len);
	else if ((flags & MAP_DECIDING) != MAP_PRIVATE ||
		 !(flags & MAP_ANONYMOUS || prot & PROT_WRITE))
		return p;
	else if (SHIM_UNLIKELY(is_reservation(len, prot, flags)))
		shim_reserved((uintptr_t)p, len);
	else if (len >= shim_state.min_size && shim_batch_is_now((uintptr_t)p, len))
		shim_mark((uintptr_t)p, len);
	return p;
}

void *mmap(void *addr, size_t len, int prot, int flags, int fd, long off)
{
	return mapped(shim_next.mmap(addr, len, prot, flags, fd, off), len, prot, flags);
}

void *mmap64(void *addr, size_t len, int prot, int flags, int fd, long off)
{
	return mapped(shim_next.mmap64(addr, len, prot, flags, fd, off), len, prot, flags);
}

/* A mark moves and grows with the mapping; only what was too small for one before is looked at. */
void *mremap(void *addr, size_t old_len, size_t new_len, int flags, ...)
{
	va_list ap;
	void *to;
	void *p;

	va_start(ap, flags);
	to = va_arg(ap, void *); /* a register, meaningless unless the flags say otherwise */
	va_end(ap);
	p = shim_next.mremap(addr, old_len, new_len, flags, to);
	if (old_len < shim_state.min_size && new_len >= shim_state.min_size &&
	    !sys_failed((long)p)) {
		struct shim_map map;

		if (shim_maps_find((uintptr_t)p, &map) && map.markable)
			shim_mark((uintptr_t)p, new_len);
	}
	return p;
}

int mprotect(void *addr, size_t len, int prot)
{
	int rc = shim_next.mprotect(addr, len, prot);

	if (SHIM_UNLIKELY(shim_state.reserving) && rc == 0 && prot & PROT_WRITE &&
	    (shim_state.process || len >= shim_state.min_size))
		shim_mark((uintptr_t)addr, len);
	return rc;
}

int brk(void *end)
{
	int rc;

	if (shim_state.min_size == SIZE_MAX)
		return shim_next.brk(end);
	shim_heap_shrunk();
	rc = shim_next.brk(end);
	shim_heap_grown();
	return rc;
}

void *sbrk(intptr_t increment)
{
	void *p;

	if (shim_state.min_size == SIZE_MAX || increment == 0)
		return shim_next.sbrk(increment);
	shim_heap_shrunk();
	p = shim_next.sbrk(increment);
	shim_heap_grown();
	return p;
}

int mlock(const void *addr, size_t len)
{
	int rc = shim_next.mlock(addr, len);

	if (rc == 0)
		shim_keep_out(addr, len);
	return rc;
}

int mlock2(const void *addr, size_t len, unsigned flags)
{
	int rc = shim_next.mlock2(addr, len, flags);

	if (rc == 0)
		shim_keep_out(addr, len);
	return rc;
}

int mlockall(int flags)
{
	int rc = shim_next.mlockall(flags);

	if (rc == 0)
		shim_withdraw();
	return rc;
}

int madvise(void *addr, size_t len, int advice)
{
	int rc = shim_next.madvise(addr, len, advice);

	if (rc == 0 && (advice == SHIM_MADV_DONTDUMP || advice == SHIM_MADV_WIPEONFORK ||
			advice == SHIM_MADV_UNMERGEABLE))
		shim_keep_out(addr, len);
	return rc;
}

/*
 * What comes after may be a seccomp filter that kills whoever makes a system call that the program itself would not make
 * (sshd, browsers): so both ways into one are noticed, prctl itself and the no_new_privs that the seccomp call needs.
 */
int prctl(int option, ...)
{
	unsigned long args[4]; /* registers, meaningless where the option has fewer */
	va_list ap;

	va_start(ap, option);
	for (int i = 0; i < 4; i++)
		args[i] = va_arg(ap, unsigned long);
	va_end(ap);
	if (option == PR_SET_SECCOMP || option == PR_SET_NO_NEW_PRIVS)
		shim_fall_silent();
	return shim_next.prctl(option, args[0], args[1], args[2], args[3]);
}
