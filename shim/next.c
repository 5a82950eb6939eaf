/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that our wrappers stand before, and what stands in until they are known or where there are none. */
#include <stdarg.h>

#include "shim/elf.h"
#include "shim/next.h"
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

static int raw_mprotect(void *addr, size_t len, int prot)
{
	return (int)with_errno(
		shim_syscall(__NR_mprotect, (long)(uintptr_t)addr, (long)len, prot, 0, 0, 0));
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

static int raw_prctl(int option, ...)
{
	long args[4];
	va_list ap;

	va_start(ap, option);
	for (int i = 0; i < 4; i++)
		args[i] = va_arg(ap, long);
	va_end(ap);
	return (int)with_errno(
		shim_syscall(__NR_prctl, option, args[0], args[1], args[2], args[3], 0));
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
	.mprotect = raw_mprotect,
	.brk = first_brk,
	.sbrk = first_sbrk,
	.mlock = raw_mlock,
	.mlock2 = raw_mlock2,
	.mlockall = raw_mlockall,
	.madvise = raw_madvise,
	.prctl = raw_prctl,
};

/*
 * The symbols in the order of struct shim_next, and what stands in for those that nobody defines. Both are filled into shim_next as
 * untyped pointers: a table of pointers to functions is all that struct is.
 */
#define NEXT_COUNT (sizeof(struct shim_next) / sizeof(void *))
static const char *const names[NEXT_COUNT] = {
	"malloc",	  "calloc",   "realloc", "aligned_alloc", "memalign",
	"posix_memalign", "valloc",   "pvalloc", "mmap",	  "mmap64",
	"mremap",	  "mprotect", "brk",	 "sbrk",	  "mlock",
	"mlock2",	  "mlockall", "madvise", "prctl",
};
static const struct shim_next otherwise = {
	.malloc = none_malloc,
	.calloc = none_two,
	.realloc = none_realloc,
	.aligned_alloc = none_two,
	.memalign = none_two,
	.posix_memalign = none_posix_memalign,
	.valloc = none_malloc,
	.pvalloc = none_malloc,
	.mmap = raw_mmap,
	.mmap64 = raw_mmap,
	.mremap = raw_mremap,
	.mprotect = raw_mprotect,
	.brk = none_brk,
	.sbrk = none_sbrk,
	.mlock = raw_mlock,
	.mlock2 = raw_mlock2,
	.mlockall = raw_mlockall,
	.madvise = raw_madvise,
	.prctl = raw_prctl,
};

static enum shim_malloc kind_of(const struct link_map *owner)
{
	if (!owner)
		return SHIM_MALLOC_FOREIGN;
	if (shim_elf_defines(owner, "gnu_get_libc_version"))
		return SHIM_MALLOC_GLIBC;
	return shim_elf_defines(owner, "__libc_start_main") ? SHIM_MALLOC_LIBC
							    : SHIM_MALLOC_FOREIGN;
}

enum shim_malloc shim_next_resolve(void)
{
	const struct link_map *from = shim_elf_next();
	struct shim_symbol symbols[NEXT_COUNT];

	for (unsigned i = 0; i < NEXT_COUNT; i++)
		symbols[i] = (struct shim_symbol){.name = names[i]};
	shim_elf_find(from, symbols, NEXT_COUNT);
	for (unsigned i = 0; i < NEXT_COUNT; i++) {
		void *addr = symbols[i].addr;

		if (!addr && !from && dlsym)
			addr = dlsym(NEXT_OBJECT, names[i]);
		if (!addr)
			addr = ((void *const *)&otherwise)[i];
		/* a thread that resolves at the same time stores the same */
		__atomic_store_n(&((void **)&shim_next)[i], addr, __ATOMIC_RELAXED);
	}
	return kind_of(symbols[0].object);
}
