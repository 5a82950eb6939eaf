/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pages MIB: so much memory in pages that are all different, and are written to again and again. From SIGUSR1 on they are all the
 * same, and stay so. Prints "ready" when it has filled them first.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096u

static volatile sig_atomic_t equal;

static void on_signal(int number)
{
	(void)number;
	equal = 1;
}

int main(int argc, char **argv)
{
	size_t pages = argc == 2 ? strtoul(argv[1], NULL, 10) * 256 : 0;
	uint64_t *memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!pages || memory == MAP_FAILED)
		return 1;
	signal(SIGUSR1, on_signal);
	for (uint64_t round = 1;; round++) {
		int same = equal;

		for (size_t i = 0; i < pages; i++)
			memory[i * PAGE / sizeof(*memory)] = same ? 7 : round << 32 | (i + 1);
		if (round == 1) {
			puts("ready");
			fflush(stdout);
		}
		/* The signal may have come before the last round was begun, and not after it was looked at. */
		if (same)
			break;
		usleep(20000);
	}
	for (;;)
		pause();
}
