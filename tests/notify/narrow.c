/* SPDX-License-Identifier: Apache-2.0 */
/*
 * narrow: a 32-bit program without a libc. Maps 1 MiB, then sleeps 10 ms some 300 times and looks each time whether its
 * registers and memory are as they were; ends with 0 if so. Elsewhere than on x86: a program that ends at once.
 */
#if defined(__i386__)

struct timespec32 {
	long seconds, nanoseconds;
};

static long call(long number, long a, long b, long c, long d, long e)
{
	long result;

	__asm__ volatile("push %%ebp; xor %%ebp, %%ebp; int $0x80; pop %%ebp"
			 : "=a"(result)
			 : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
			 : "memory");
	return result;
}

void _start(void);
void _start(void)
{
	static char bss[1 << 20];
	const struct timespec32 pause = {0, 10000000};
	/* mmap2, nanosleep, exit */
	unsigned *memory = (unsigned *)call(192, 0, 1 << 20, 3, 0x22, -1);
	long bad = (unsigned long)memory > 0xfffff000ul;

	for (int i = 0; i < 300 && !bad; i++) {
		memory[i * 256] = (unsigned)i;
		bss[i * 3000] = (char)i;
		bad = call(162, (long)&pause, 0, 3, 4, 5) != 0;
		for (int j = 0; j <= i; j++)
			bad = bad || memory[j * 256] != (unsigned)j || bss[j * 3000] != (char)j;
	}
	call(1, bad, 0, 0, 0, 0);
	__builtin_unreachable();
}

#else

int main(void)
{
	return 0;
}

#endif
