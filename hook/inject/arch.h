/* SPDX-License-Identifier: Apache-2.0 */
/* What injection has to know about a processor: registers of a system call. One file an architecture. */
#ifndef HOOK_INJECT_ARCH_H
#define HOOK_INJECT_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/user.h>

struct inject_regs {
	struct user_regs_struct user;
	size_t size; /* as the kernel gave it: tells a 32-bit thread */
#if defined(__aarch64__)
	int32_t syscall; /* NT_ARM_SYSTEM_CALL */
#endif
};

/* Is this the state of a thread that runs 64-bit code of our own architecture? */
bool arch_is_native(const struct inject_regs *regs);
uint64_t arch_pc(const struct inject_regs *regs);
/* The number of the call that the kernel would restart (-ERESTART... is its result), or -1. */
long arch_restarting(const struct inject_regs *regs);
/* As `saved`, but about to execute the instruction at `pc`, a system call with these arguments. */
void arch_set_call(struct inject_regs *regs, const struct inject_regs *saved, uint64_t pc,
		   long number, const unsigned long args[6]);
long arch_result(const struct inject_regs *regs);

/* The instruction that makes a system call, and its length. */
extern const unsigned char arch_syscall_insn[];
extern const size_t arch_syscall_insn_size;

#endif
