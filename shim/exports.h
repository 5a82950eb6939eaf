/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the shim puts before the libc's functions of the same names: same arguments, same results, same errno. Declared here and not by
 * the libc's headers, because one library serves every libc. Keep in step with shim.lds and struct shim_next.
 */
#ifndef SHIM_EXPORTS_H
#define SHIM_EXPORTS_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)

/* The malloc family: counts bytes and now and then looks whether the heap has grown (wrap_malloc.c). */
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *old, size_t size);
void *aligned_alloc(size_t align, size_t size);
void *memalign(size_t align, size_t size);
int posix_memalign(void **ret, size_t align, size_t size);
void *valloc(size_t size);
void *pvalloc(size_t size);

/* Mappings that programs and other allocators make themselves: marked when made (wrap_mmap.c). */
void *mmap(void *addr, size_t len, int prot, int flags, int fd, long off);
void *mmap64(void *addr, size_t len, int prot, int flags, int fd, long off);
void *mremap(void *addr, size_t old_len, size_t new_len, int flags, ...);
int mprotect(void *addr, size_t len, int prot);
int brk(void *end);
void *sbrk(intptr_t increment);

/* Locked memory and what must not be dumped or inherited: unmarked, and not marked again (wrap_mmap.c). */
int mlock(const void *addr, size_t len);
int mlock2(const void *addr, size_t len, unsigned flags);
int mlockall(int flags);
int madvise(void *addr, size_t len, int advice);

/* A program that is about to restrict its own system calls may die of any that it does not expect (wrap_mmap.c). */
int prctl(int option, ...);

#pragma GCC visibility pop

#endif
