/* SPDX-License-Identifier: Apache-2.0 */
/* x86_64: registers of a system call. */
#if defined(__x86_64__)
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "hook/inject/arch.h"

#define USER_CS	     0x33 /* of 64-bit code */
#define SYSCALL_SIZE 2

/* The kernel's own, never seen by programs: how it goes on with a call that was cut short. */
enum { RESTARTSYS = 512, RESTARTNOINTR = 513, RESTARTNOHAND = 514, RESTART_RESTARTBLOCK = 516 };

int arch_get_regs(pid_t tid, struct inject_regs *ret)
{
	struct inject_regs regs = {0};
	struct iovec iov = {&regs.user, sizeof(regs.user)};

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov) < 0)
		return -errno;
	regs.size = iov.iov_len;
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
	return regs->size == sizeof(regs->user) && regs->user.cs == USER_CS && regs->user.rip != 0;
}

uint64_t arch_pc(const struct inject_regs *regs)
{
	return regs->user.rip;
}

bool arch_in_syscall(const struct inject_regs *regs)
{
	return (long)regs->user.orig_rax >= 0;
}

long arch_restarting(const struct inject_regs *regs)
{
	if (!arch_in_syscall(regs))
		return -1;
	switch (-(long)regs->user.rax) {
	case RESTARTSYS:
	case RESTARTNOINTR:
	case RESTARTNOHAND:
	case RESTART_RESTARTBLOCK:
		return (long)regs->user.orig_rax;
	default:
		return -1;
	}
}

/* What the kernel calls instead of a call that was to be restarted. */
static unsigned long long again(const struct inject_regs *regs)
{
	return (long)regs->user.rax == -RESTART_RESTARTBLOCK ? SYS_restart_syscall
							     : regs->user.orig_rax;
}

bool arch_set_back(const struct inject_regs *regs, const struct inject_regs *before)
{
	return regs->user.rip == before->user.rip - SYSCALL_SIZE && regs->user.rax == again(before);
}

long arch_interrupted(const struct inject_regs *regs)
{
	return arch_in_syscall(regs) && (long)regs->user.rax == -EINTR ? (long)regs->user.orig_rax
								       : -1;
}

static unsigned long long *argument(struct user_regs_struct *user, unsigned index)
{
	switch (index) {
	case 0:
		return &user->rdi;
	case 1:
		return &user->rsi;
	case 2:
		return &user->rdx;
	case 3:
		return &user->r10;
	case 4:
		return &user->r8;
	default:
		return &user->r9;
	}
}

unsigned long arch_argument(const struct inject_regs *regs, unsigned index)
{
	struct user_regs_struct user = regs->user;

	return *argument(&user, index);
}

void arch_set_argument(struct inject_regs *regs, unsigned index, unsigned long value)
{
	*argument(&regs->user, index) = value;
}

void arch_restart_interrupted(struct inject_regs *regs)
{
	regs->user.rax = (unsigned long long)-RESTARTNOHAND;
}

void arch_set_call(struct inject_regs *regs, const struct inject_regs *saved, uint64_t pc,
		   long number, const unsigned long args[6])
{
	*regs = *saved;
	for (unsigned i = 0; i < 6; i++)
		arch_set_argument(regs, i, args[i]);
	regs->user.rip = pc;
	regs->user.rax = (unsigned long long)number;
	regs->user.orig_rax = (unsigned long long)-1; /* nothing to restart */
}

bool arch_entered(const struct inject_regs *regs, uint64_t pc)
{
	return regs->user.rip == pc + SYSCALL_SIZE;
}

long arch_number(const struct inject_regs *regs)
{
	return (long)regs->user.orig_rax;
}

long arch_result(const struct inject_regs *regs)
{
	return (long)regs->user.rax;
}

/* movabs $value, %register */
static unsigned char *put_mov(unsigned char *at, unsigned reg, unsigned long long value)
{
	*at++ = reg < 8 ? 0x48 : 0x49;
	*at++ = (unsigned char)(0xb8 | (reg & 7));
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

/*
 * The registers that a system call takes or changes are loaded and then the place jumped to; neither changes flags or memory.
 * A call that was to be restarted is made again as the kernel would make it.
 */
void arch_trampoline(unsigned char code[ARCH_TRAMPOLINE_MAX], const struct inject_regs *saved)
{
	static const unsigned char jump[] = {0xff, 0x25, 0, 0, 0, 0}; /* jmp *0(%rip) */
	const struct user_regs_struct *user = &saved->user;
	unsigned long long rax = user->rax, rip = user->rip;
	unsigned char *at = code;

	if (arch_restarting(saved) >= 0) {
		rax = again(saved);
		rip -= SYSCALL_SIZE;
	}
	memset(code, 0, ARCH_TRAMPOLINE_MAX);
	*at++ = 0x0f;
	*at++ = 0x05;
	at = put_mov(at, 0, rax);
	at = put_mov(at, 1, user->rcx);
	at = put_mov(at, 2, user->rdx);
	at = put_mov(at, 6, user->rsi);
	at = put_mov(at, 7, user->rdi);
	at = put_mov(at, 8, user->r8);
	at = put_mov(at, 9, user->r9);
	at = put_mov(at, 10, user->r10);
	at = put_mov(at, 11, user->r11);
	memcpy(at, jump, sizeof(jump));
	memcpy(at + sizeof(jump), &rip, sizeof(rip));
}
#endif
