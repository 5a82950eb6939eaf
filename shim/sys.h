/* SPDX-License-Identifier: Apache-2.0 */
/* The few system calls that the shim makes, typed, and the kernel constants that older headers lack. */
#ifndef SHIM_SYS_H
#define SHIM_SYS_H

#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/arch.h"

#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67 /* since Linux 6.4 */
#define PR_GET_MEMORY_MERGE 68
#endif
#define SHIM_MADV_MERGEABLE   12
#define SHIM_MADV_UNMERGEABLE 13
#define SHIM_MADV_DONTDUMP    16
#define SHIM_MADV_WIPEONFORK  18
#define SHIM_EINVAL	      22
#define SHIM_EFAULT	      14
#define SHIM_ENOMEM	      12
#define SHIM_MAX_ERRNO	      4095ul

#define SHIM_UNLIKELY(x) __builtin_expect(!!(x), 0)

static inline bool sys_failed(long ret)
{
	return (unsigned long)ret > -SHIM_MAX_ERRNO - 1;
}

static inline long sys_mmap(uintptr_t addr, size_t len, int prot, int flags, int fd, long off)
{
	return shim_syscall(__NR_mmap, (long)addr, (long)len, prot, flags, fd, off);
}

static inline long sys_mremap(uintptr_t addr, size_t old, size_t new, int flags, uintptr_t to)
{
	return shim_syscall(__NR_mremap, (long)addr, (long)old, (long)new, flags, (long)to, 0);
}

static inline long sys_munmap(uintptr_t addr, size_t len)
{
	return shim_syscall(__NR_munmap, (long)addr, (long)len, 0, 0, 0, 0);
}

static inline long sys_madvise(uintptr_t addr, size_t len, int advice)
{
	return shim_syscall(__NR_madvise, (long)addr, (long)len, advice, 0, 0, 0);
}

/* The kernel wants all five arguments, the last three zero, for the merge options. */
static inline long sys_prctl(int option, long value)
{
	return shim_syscall(__NR_prctl, option, value, 0, 0, 0, 0);
}

static inline uintptr_t sys_brk(void)
{
	return (uintptr_t)shim_syscall(__NR_brk, 0, 0, 0, 0, 0, 0);
}

static inline long sys_open_read(const char *path)
{
	return shim_syscall(__NR_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
}

static inline long sys_read(int fd, void *buf, size_t len)
{
	return shim_syscall(__NR_read, fd, (long)buf, (long)len, 0, 0, 0);
}

static inline long sys_write(int fd, const void *buf, size_t len)
{
	return shim_syscall(__NR_write, fd, (long)buf, (long)len, 0, 0, 0);
}

static inline long sys_ioctl(int fd, unsigned long request, void *arg)
{
	return shim_syscall(__NR_ioctl, fd, (long)request, (long)arg, 0, 0, 0);
}

static inline void sys_close(int fd)
{
	shim_syscall(__NR_close, fd, 0, 0, 0, 0, 0);
}

static inline bool sys_is_setid(void)
{
	return shim_syscall(__NR_getuid, 0, 0, 0, 0, 0, 0) !=
		       shim_syscall(__NR_geteuid, 0, 0, 0, 0, 0, 0) ||
	       shim_syscall(__NR_getgid, 0, 0, 0, 0, 0, 0) !=
		       shim_syscall(__NR_getegid, 0, 0, 0, 0, 0, 0);
}

#endif
