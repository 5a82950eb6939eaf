/* SPDX-License-Identifier: Apache-2.0 */
/* Raw system calls, an architecture each: they return -errno and never touch the program's errno. */
#ifndef SHIM_ARCH_H
#define SHIM_ARCH_H

#include <asm/unistd.h>

#if defined(__x86_64__)

static inline long shim_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

/*
 * Takes `size` off the thread's counter `var` (initial-exec TLS) and goes to `label` if it was less: two instructions and a jump
 * where the compiler makes five. They stand before every malloc of the program.
 */
#define SHIM_COUNT_DOWN(var, size, label)                       \
	__asm__ goto("movq " #var "@gottpoff(%%rip), %%rax\n\t" \
		     "subq %0, %%fs:(%%rax)\n\t"                \
		     "jb %l1"                                   \
		     :                                          \
		     : "r"(size)                                \
		     : "rax", "cc", "memory"                    \
		     : label)

#elif defined(__aarch64__)

static inline long shim_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

#define SHIM_COUNT_DOWN(var, size, label)                                         \
	do {                                                                      \
		if (__builtin_expect(__builtin_sub_overflow(var, size, &var), 0)) \
			goto label;                                               \
	} while (0)

#else
#error "the shim has no system calls for this architecture: add them here"
#endif

#endif
