/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aarch64: registers of a system call.
 *
 * Unlike x86_64, the kernel has set a call that is to be restarted back before our stop (pc at the svc, x0 its first argument),
 * and forgets why. So, if something was injected into it: a wait for a relative time (nanosleep, futex) begins anew with all of
 * its time; a signal that comes before we let go restarts the call even if its handler has no SA_RESTART; and a call
 * that gives EINTR after every stop (epoll_wait) gives it, since its first argument is lost. If we are killed in the midst of
 * an injected call, x17 is lost as well, which compilers hold nothing in across calls.
 */
#if defined(__aarch64__)
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "hook/inject/arch.h"

#define INSN_SVC    0xd4000001u
#define INSN_LDR(r) (0x58000000u | (r)) /* ldr xr, pc + 4 * (bits 5 to 23) */
#define INSN_BR(r)  (0xd61f0000u | (r) << 5)
#define INSN_SIZE   4
#define LITERALS    48 /* where they begin, behind the code */
#define CALL_NUMBER 8  /* x8 */
#define SCRATCH	    17

int arch_get_regs(pid_t tid, struct inject_regs *ret)
{
	struct inject_regs regs = {0};
	struct iovec iov = {&regs.user, sizeof(regs.user)};
	uint64_t word;

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov) < 0)
		return -errno;
	regs.size = iov.iov_len;
	word = (uint64_t)ptrace(PTRACE_PEEKTEXT, tid, regs.user.pc & ~7ULL, 0);
	regs.insn = (uint32_t)(regs.user.pc & 4 ? word >> 32 : word);
	*ret = regs;
	return 0;
}

int arch_set_regs(pid_t tid, const struct inject_regs *regs)
{
	struct user_regs_struct user = regs->user;
	struct iovec iov = {&user, sizeof(user)};

	return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &iov) < 0 ? -errno : 0;
}

/* A thread without a place in user space is one of io_uring's. */
bool arch_is_native(const struct inject_regs *regs)
{
	return regs->size == sizeof(regs->user) && regs->user.pc != 0;
}

uint64_t arch_pc(const struct inject_regs *regs)
{
	return regs->user.pc;
}

bool arch_in_syscall(const struct inject_regs *regs)
{
	return arch_restarting(regs) >= 0;
}

/* Or one that the program was just about to make by itself: the same to all who ask. */
long arch_restarting(const struct inject_regs *regs)
{
	return regs->insn == INSN_SVC ? (long)regs->user.regs[CALL_NUMBER] : -1;
}

/* That was done before, and only the kernel knows whether a signal may still end the call. */
bool arch_set_back(const struct inject_regs *regs, const struct inject_regs *before)
{
	(void)regs, (void)before;
	return false;
}

long arch_interrupted(const struct inject_regs *regs)
{
	(void)regs;
	return -1;
}

unsigned long arch_argument(const struct inject_regs *regs, unsigned index)
{
	return regs->user.regs[index];
}

void arch_set_argument(struct inject_regs *regs, unsigned index, unsigned long value)
{
	regs->user.regs[index] = value;
}

void arch_restart_interrupted(struct inject_regs *regs)
{
	(void)regs;
}

void arch_set_call(struct inject_regs *regs, const struct inject_regs *saved, uint64_t pc,
		   long number, const unsigned long args[6])
{
	*regs = *saved;
	for (unsigned i = 0; i < 6; i++)
		regs->user.regs[i] = args[i];
	regs->user.regs[CALL_NUMBER] = (unsigned long)number;
	regs->user.pc = pc;
}

bool arch_entered(const struct inject_regs *regs, uint64_t pc)
{
	return regs->user.pc == pc + INSN_SIZE;
}

long arch_number(const struct inject_regs *regs)
{
	return (long)regs->user.regs[CALL_NUMBER];
}

long arch_result(const struct inject_regs *regs)
{
	return (long)regs->user.regs[0];
}

/* Code of 4 bytes each, and what it loads behind it. */
void arch_trampoline(unsigned char code[ARCH_TRAMPOLINE_MAX], const struct inject_regs *saved)
{
	static const unsigned loaded[] = {0, 1, 2, 3, 4, 5, CALL_NUMBER, SCRATCH};
	const size_t count = sizeof(loaded) / sizeof(*loaded);
	uint32_t insn = INSN_SVC;

	memset(code, 0, ARCH_TRAMPOLINE_MAX);
	memcpy(code, &insn, sizeof(insn));
	for (size_t i = 0; i < count; i++) {
		size_t at = (i + 1) * INSN_SIZE, literal = LITERALS + i * sizeof(uint64_t);
		uint64_t value = i + 1 < count ? saved->user.regs[loaded[i]] : saved->user.pc;

		insn = INSN_LDR(loaded[i]) | (uint32_t)(literal - at) / INSN_SIZE << 5;
		memcpy(code + at, &insn, sizeof(insn));
		memcpy(code + literal, &value, sizeof(value));
	}
	insn = INSN_BR((uint32_t)SCRATCH);
	memcpy(code + (count + 1) * INSN_SIZE, &insn, sizeof(insn));
}
#endif
