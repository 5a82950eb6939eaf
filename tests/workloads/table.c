/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workload: a static program whose data are the same in each copy: 16 MiB by mmap, in pieces of 128 KiB,
 * and a table of 100,000 entries by malloc, whose heap grows by brk. Prints "ready" and waits.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIECES	128
#define PIECE	((size_t)128 << 10)
#define ENTRIES 100000
#define TEXT	160

static void fill(uint64_t *words, size_t count, uint64_t state)
{
	for (size_t i = 0; i < count; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		words[i] = state;
	}
}

int main(void)
{
	char **table = malloc(ENTRIES * sizeof(*table));

	for (uint64_t i = 0; i < PIECES; i++) {
		uint64_t *piece = mmap(NULL, PIECE, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (piece == MAP_FAILED)
			return 1;
		fill(piece, PIECE / sizeof(*piece), i);
	}
	for (int i = 0; table && i < ENTRIES; i++) {
		table[i] = malloc(TEXT);
		if (!table[i])
			return 1;
		snprintf(table[i], TEXT, "customer %d, street %d, town %d, orders %d and %d", i,
			 i / 100, i / 10000, 3 * i, 7 * i);
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
