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
	uint32_t insn; /* at pc */
#endif
};

/* 0 or -errno. */
int arch_get_regs(pid_t tid, struct inject_regs *ret);
int arch_set_regs(pid_t tid, const struct inject_regs *regs);

/* Is this the state of a thread that runs 64-bit code of our own architecture? */
bool arch_is_native(const struct inject_regs *regs);
uint64_t arch_pc(const struct inject_regs *regs);
/* Stopped on the way out of a system call, not in the midst of the program. */
bool arch_in_syscall(const struct inject_regs *regs);
/* The number of the call that the kernel would restart (-ERESTART... is its result), or -1. */
long arch_restarting(const struct inject_regs *regs);
/* Is this `before`, whose call the kernel has set back since then, but not made again yet? */
bool arch_set_back(const struct inject_regs *regs, const struct inject_regs *before);
/* The number of the call that was cut short with EINTR, or -1. */
long arch_interrupted(const struct inject_regs *regs);
unsigned long arch_argument(const struct inject_regs *regs, unsigned index);
void arch_set_argument(struct inject_regs *regs, unsigned index, unsigned long value);
/* The call with EINTR as its result: be made again instead, unless a signal's handler runs first. */
void arch_restart_interrupted(struct inject_regs *regs);

/* As `saved`, but about to execute the instruction at `pc`, a system call with these arguments. */
void arch_set_call(struct inject_regs *regs, const struct inject_regs *saved, uint64_t pc,
		   long number, const unsigned long args[6]);
/* At the entry of a call: did the instruction at `pc` lead here, and the call's number. */
bool arch_entered(const struct inject_regs *regs, uint64_t pc);
long arch_number(const struct inject_regs *regs);
long arch_result(const struct inject_regs *regs);

/*
 * Code that begins with a system call instruction and then, by itself, goes on as `saved` would. Multiple of 8 bytes.
 */
#define ARCH_TRAMPOLINE_MAX 112
void arch_trampoline(unsigned char code[ARCH_TRAMPOLINE_MAX], const struct inject_regs *saved);

#endif
