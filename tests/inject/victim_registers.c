/* SPDX-License-Identifier: Apache-2.0 */
/* A loop that holds something known in every register, the flags and the red zone, and looks whether it stays. */
#include <string.h>

#include "tests/inject/victim.h"

#if defined(__x86_64__)
#define SPINS	  20000
#define RED_WORDS 16

struct registers {
	uint64_t gpr[14]; /* all but rcx, which counts, and rsp */
	uint64_t flags;
	uint64_t red[RED_WORDS];
	unsigned char xmm[16][16];
};

/* Loads *in, counts to `spins` without touching anything else, and stores what it then finds. */
void registers_hold(const struct registers *in, struct registers *out, uint64_t spins);

__asm__(".text\n"
	".globl registers_hold\n"
	"registers_hold:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	mov %rsi, found(%rip)\n"
	"	mov %rdx, %rcx\n"
	".set i, 0\n.rept 16\n"
	"	mov 120+8*i(%rdi), %rax; mov %rax, -8-8*i(%rsp)\n"
	".set i, i+1\n.endr\n"
	"	movups 248(%rdi), %xmm0; movups 264(%rdi), %xmm1; movups 280(%rdi), %xmm2\n"
	"	movups 296(%rdi), %xmm3; movups 312(%rdi), %xmm4; movups 328(%rdi), %xmm5\n"
	"	movups 344(%rdi), %xmm6; movups 360(%rdi), %xmm7; movups 376(%rdi), %xmm8\n"
	"	movups 392(%rdi), %xmm9; movups 408(%rdi), %xmm10; movups 424(%rdi), %xmm11\n"
	"	movups 440(%rdi), %xmm12; movups 456(%rdi), %xmm13; movups 472(%rdi), %xmm14\n"
	"	movups 488(%rdi), %xmm15\n"
	/* The flags go over the stack, above the red zone to come. */
	"	lea 8(%rsp), %rsp; mov -8(%rsp), %rax; mov %rax, saved(%rip)\n"
	"	mov 112(%rdi), %rax; mov %rax, -8(%rsp); lea -8(%rsp), %rsp; popf\n"
	"	lea -8(%rsp), %rsp; mov saved(%rip), %rax; mov %rax, (%rsp)\n"
	"	mov 120(%rdi), %rax; mov %rax, -8(%rsp)\n"
	"	mov 0(%rdi), %rax; mov 8(%rdi), %rbx; mov 16(%rdi), %rdx; mov 24(%rdi), %rsi\n"
	"	mov 40(%rdi), %rbp; mov 48(%rdi), %r8; mov 56(%rdi), %r9; mov 64(%rdi), %r10\n"
	"	mov 72(%rdi), %r11; mov 80(%rdi), %r12; mov 88(%rdi), %r13; mov 96(%rdi), %r14\n"
	"	mov 104(%rdi), %r15; mov 32(%rdi), %rdi\n"
	/* r11 counts up, rcx down; neither changes a flag. */
	"1:	lea 1(%r11), %r11; lea -1(%rcx), %rcx; jrcxz 2f; jmp 1b\n"
	"2:	mov %rax, saved(%rip); mov found(%rip), %rax\n"
	"	mov %rbx, 8(%rax); mov %rdx, 16(%rax); mov %rsi, 24(%rax); mov %rdi, 32(%rax)\n"
	"	mov %rbp, 40(%rax); mov %r8, 48(%rax); mov %r9, 56(%rax); mov %r10, 64(%rax)\n"
	"	mov %r11, 72(%rax); mov %r12, 80(%rax); mov %r13, 88(%rax); mov %r14, 96(%rax)\n"
	"	mov %r15, 104(%rax); mov saved(%rip), %rbx; mov %rbx, 0(%rax)\n"
	".set i, 0\n.rept 16\n"
	"	mov -8-8*i(%rsp), %rbx; mov %rbx, 120+8*i(%rax)\n"
	".set i, i+1\n.endr\n"
	"	pushf; pop %rbx; mov %rbx, 112(%rax); cld\n"
	"	movups %xmm0, 248(%rax); movups %xmm1, 264(%rax); movups %xmm2, 280(%rax)\n"
	"	movups %xmm3, 296(%rax); movups %xmm4, 312(%rax); movups %xmm5, 328(%rax)\n"
	"	movups %xmm6, 344(%rax); movups %xmm7, 360(%rax); movups %xmm8, 376(%rax)\n"
	"	movups %xmm9, 392(%rax); movups %xmm10, 408(%rax); movups %xmm11, 424(%rax)\n"
	"	movups %xmm12, 440(%rax); movups %xmm13, 456(%rax); movups %xmm14, 472(%rax)\n"
	"	movups %xmm15, 488(%rax)\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	".local found\n.comm found, 8\n.local saved\n.comm saved, 8\n");

#define COUNTED_UP 9	 /* r11 */
#define ALL_FLAGS  0xcd5 /* CF PF AF ZF SF DF OF */

static void compare(const struct registers *in, const struct registers *out)
{
	for (unsigned i = 0; i < 14; i++)
		if (out->gpr[i] != in->gpr[i] + (i == COUNTED_UP ? SPINS : 0))
			victim_fail("register %u: %lx instead of %lx", i, out->gpr[i], in->gpr[i]);
	if ((out->flags & ALL_FLAGS) != (in->flags & ALL_FLAGS))
		victim_fail("flags: %lx instead of %lx", out->flags, in->flags);
	if (memcmp(in->red, out->red, sizeof(in->red)) != 0)
		victim_fail("the red zone changed");
	if (memcmp(in->xmm, out->xmm, sizeof(in->xmm)) != 0)
		victim_fail("an xmm register changed");
}

void victim_registers(void)
{
	struct registers in, out;
	uint64_t seed = 88172645463325252;
	unsigned char *bytes = (unsigned char *)&in;

	victim_ready(NULL, 0);
	while (!victim_stop) {
		for (size_t i = 0; i < sizeof(in); i++) {
			seed = seed * 6364136223846793005 + 1442695040888963407;
			bytes[i] = (unsigned char)(seed >> 56);
		}
		in.flags = (in.flags & ALL_FLAGS) | 0x202;
		registers_hold(&in, &out, SPINS);
		compare(&in, &out);
	}
}
#else
void victim_registers(void)
{
	victim_fail("not written for this processor");
}
#endif
