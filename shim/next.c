/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that our wrappers stand before, and what stands in until they are known or where there are none. */
#include "shim/next.h"
#include "shim/elf.h"
#include "shim/sys.h"

extern int *__errno_location(void) __attribute__((weak)); /* glibc and musl alike */
extern void *dlsym(void *handle, const char *name) __attribute__((weak));
#define NEXT_OBJECT ((void *)-1l) /* RTLD_NEXT */

/* What a libc's wrapper of a system call does with the result. */
static long with_errno(long ret)
{
	if (!sys_failed(ret))
		return ret;
	if (__errno_location)
		*__errno_location() = (int)-ret;
	return -1;
}

/* No object after us defines the name: nobody can have meant to call it, so say "no memory". */
static void *no_memory(void)
{
	with_errno(-SHIM_ENOMEM);
	return NULL;
}

static void *none_malloc(size_t size)
{
	(void)size;
	return no_memory();
}

static void *none_two(size_t a, size_t b)
{
	(void)a;
	(void)b;
	return no_memory();
}

static void *none_realloc(void *old, size_t size)
{
	(void)old;
	(void)size;
	return no_memory();
}

static int none_posix_memalign(void **ret, size_t align, size_t size)
{
	(void)ret;
	(void)align;
	(void)size;
	return SHIM_ENOMEM;
}

static void *raw_mmap(void *addr, size_t len, int prot, int flags, int fd, long off)
{
	return (void *)with_errno(sys_mmap((uintptr_t)addr, len, prot, flags, fd, off));
}

static void *raw_mremap(void *addr, size_t old_len, size_t new_len, int flags, void *to)
{
	return (void *)with_errno(
		sys_mremap((uintptr_t)addr, old_len, new_len, flags, (uintptr_t)to));
}

static int none_brk(void *end)
{
	(void)end;
	return (int)with_errno(-SHIM_ENOMEM);
}

static void *none_sbrk(intptr_t increment)
{
	(void)increment;
	return (void *)with_errno(-SHIM_ENOMEM);
}

static int raw_mlock(const void *addr, size_t len)
{
	return (int)with_errno(
		shim_syscall(__NR_mlock, (long)(uintptr_t)addr, (long)len, 0, 0, 0, 0));
}

static int raw_mlock2(const void *addr, size_t len, unsigned flags)
{
	return (int)with_errno(
		shim_syscall(__NR_mlock2, (long)(uintptr_t)addr, (long)len, flags, 0, 0, 0));
}

static int raw_mlockall(int flags)
{
	return (int)with_errno(shim_syscall(__NR_mlockall, flags, 0, 0, 0, 0, 0));
}

static int raw_madvise(void *addr, size_t len, int advice)
{
	return (int)with_errno(sys_madvise((uintptr_t)addr, len, advice));
}

/* The first call of a name before the constructor has run: resolve everything, then do that call. */
static void *first_malloc(size_t size)
{
	shim_next_resolve();
	return shim_next.malloc(size);
}

static void *first_calloc(size_t count, size_t size)
{
	shim_next_resolve();
	return shim_next.calloc(count, size);
}

static void *first_realloc(void *old, size_t size)
{
	shim_next_resolve();
	return shim_next.realloc(old, size);
}

static void *first_aligned_alloc(size_t align, size_t size)
{
	shim_next_resolve();
	return shim_next.aligned_alloc(align, size);
}

static void *first_memalign(size_t align, size_t size)
{
	shim_next_resolve();
	return shim_next.memalign(align, size);
}

static int first_posix_memalign(void **ret, size_t align, size_t size)
{
	shim_next_resolve();
	return shim_next.posix_memalign(ret, align, size);
}

static void *first_valloc(size_t size)
{
	shim_next_resolve();
	return shim_next.valloc(size);
}

static void *first_pvalloc(size_t size)
{
	shim_next_resolve();
	return shim_next.pvalloc(size);
}

static int first_brk(void *end)
{
	shim_next_resolve();
	return shim_next.brk(end);
}

static void *first_sbrk(intptr_t increment)
{
	shim_next_resolve();
	return shim_next.sbrk(increment);
}

/* Mappings and locks need no libc at all: until others are known the raw calls do. */
struct shim_next shim_next = {
	.malloc = first_malloc,
	.calloc = first_calloc,
	.realloc = first_realloc,
	.aligned_alloc = first_aligned_alloc,
	.memalign = first_memalign,
	.posix_memalign = first_posix_memalign,
	.valloc = first_valloc,
	.pvalloc = first_pvalloc,
	.mmap = raw_mmap,
	.mmap64 = raw_mmap,
	.mremap = raw_mremap,
	.brk = first_brk,
	.sbrk = first_sbrk,
	.mlock = raw_mlock,
	.mlock2 = raw_mlock2,
	.mlockall = raw_mlockall,
	.madvise = raw_madvise,
};

/* Stores of one aligned pointer: a thread that resolves at the same time stores the same. */
#define RESOLVE(name, otherwise)                                                   \
	do {                                                                       \
		void *found_ = find(from, #name);                                  \
		__typeof__(shim_next.name) to_ =                                   \
			found_ ? (__typeof__(shim_next.name))found_ : (otherwise); \
		__atomic_store_n(&shim_next.name, to_, __ATOMIC_RELAXED);          \
	} while (0)

static void *find(const struct link_map *from, const char *name)
{
	if (from)
		return shim_elf_symbol(from, name, NULL);
	return dlsym ? dlsym(NEXT_OBJECT, name) : NULL;
}

enum shim_malloc shim_next_resolve(void)
{
	const struct link_map *from = shim_elf_next();
	const struct link_map *owner = NULL;

	RESOLVE(malloc, none_malloc);
	RESOLVE(calloc, none_two);
	RESOLVE(realloc, none_realloc);
	RESOLVE(aligned_alloc, none_two);
	RESOLVE(memalign, none_two);
	RESOLVE(posix_memalign, none_posix_memalign);
	RESOLVE(valloc, none_malloc);
	RESOLVE(pvalloc, none_malloc);
	RESOLVE(mmap, raw_mmap);
	RESOLVE(mmap64, shim_next.mmap);
	RESOLVE(mremap, raw_mremap);
	RESOLVE(brk, none_brk);
	RESOLVE(sbrk, none_sbrk);
	RESOLVE(mlock, raw_mlock);
	RESOLVE(mlock2, raw_mlock2);
	RESOLVE(mlockall, raw_mlockall);
	RESOLVE(madvise, raw_madvise);

	if (!from || !shim_elf_symbol(from, "malloc", &owner))
		return SHIM_MALLOC_FOREIGN;
	if (shim_elf_defines(owner, "gnu_get_libc_version"))
		return SHIM_MALLOC_GLIBC;
	return shim_elf_defines(owner, "__libc_start_main") ? SHIM_MALLOC_LIBC
							    : SHIM_MALLOC_FOREIGN;
}
