/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that our wrappers stand before: those which the program would have called without us. */
#ifndef SHIM_NEXT_H
#define SHIM_NEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/*
 * Each pointer starts at a small function that resolves all of them and goes on there, so the wrappers never test.
 * A name that no later object defines ends at a function which fails as the libc's would for want of memory, or at
 * the raw system call.
 */
struct shim_next {
	void *(*malloc)(size_t size);
	void *(*calloc)(size_t count, size_t size);
	void *(*realloc)(void *old, size_t size);
	void *(*aligned_alloc)(size_t align, size_t size);
	void *(*memalign)(size_t align, size_t size);
	int (*posix_memalign)(void **ret, size_t align, size_t size);
	void *(*valloc)(size_t size);
	void *(*pvalloc)(size_t size);
	void *(*mmap)(void *addr, size_t len, int prot, int flags, int fd, long off);
	void *(*mmap64)(void *addr, size_t len, int prot, int flags, int fd, long off);
	void *(*mremap)(void *addr, size_t old_len, size_t new_len, int flags, void *to);
	int (*mprotect)(void *addr, size_t len, int prot);
	int (*brk)(void *end);
	void *(*sbrk)(intptr_t increment);
	int (*mlock)(const void *addr, size_t len);
	int (*mlock2)(const void *addr, size_t len, unsigned flags);
	int (*mlockall)(int flags);
	int (*madvise)(void *addr, size_t len, int advice);
	int (*prctl)(int option, ...);
};
extern struct shim_next shim_next;

/* Whose malloc it is: that decides how the growth of its heap can be seen. */
enum shim_malloc {
	SHIM_MALLOC_FOREIGN, /* jemalloc, tcmalloc, ...: maps by the public names, which we wrap */
	SHIM_MALLOC_GLIBC, /* maps by internal names; its chunk headers tell where a chunk comes from */
	SHIM_MALLOC_LIBC, /* another libc: maps by internal names */
};

/* Fills shim_next and says whose malloc it is. Harmless to repeat and from several threads. */
enum shim_malloc shim_next_resolve(void);

#pragma GCC visibility pop

#endif
