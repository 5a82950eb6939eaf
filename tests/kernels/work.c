/* SPDX-License-Identifier: Apache-2.0 */
/*
 * work table: 4 MiB by mmap, in pieces of 128 KiB, and as much by malloc, of which each page is there twice. Prints "ready" and waits;
 * SIGUSR1: looks whether all is as it was written, prints "intact" or "broken", and ends.
 * work table fork: the same, and a child that shares it all.
 * work maps COUNT [prctl]: maps one page after the other, so that the kernel can make one mapping of them, and prints how many
 * succeeded (after PR_SET_MEMORY_MERGE, if that is asked for and to be had). 1 if not all did.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define PR_SET_MEMORY_MERGE 67 /* Linux 6.4 */
#define PIECES		    32
#define PIECE		    ((size_t)128 << 10)
#define ENTRIES		    16384
#define ENTRY		    ((size_t)240) /* with malloc's own 16 bytes a sixteenth of a page */

static uint64_t *pieces[PIECES], *table[ENTRIES];

/* Writes words, or compares them with what was written. */
static bool fill(uint64_t *words, size_t size, uint64_t state, bool compare)
{
	for (size_t i = 0; i < size / sizeof(*words); i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		if (compare && words[i] != state)
			return false;
		words[i] = state;
	}
	return true;
}

static bool fill_all(bool compare)
{
	bool right = true;

	for (uint64_t i = 0; i < PIECES; i++)
		right &= fill(pieces[i], PIECE, i % (PIECES / 2), compare);
	for (uint64_t i = 0; i < ENTRIES; i++)
		right &= fill(table[i], ENTRY, PIECES + i % (ENTRIES / 2), compare);
	return right;
}

static int hold_table(bool shared)
{
	sigset_t usr1;
	int number;
	bool right;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	for (int i = 0; i < PIECES; i++) {
		pieces[i] = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				 -1, 0);
		if (pieces[i] == MAP_FAILED)
			return 1;
	}
	for (int i = 0; i < ENTRIES; i++) {
		table[i] = malloc(ENTRY);
		if (!table[i])
			return 1;
	}
	fill_all(false);
	if (shared && fork() < 0)
		return 1;
	puts("ready");
	fflush(stdout);
	while (sigwait(&usr1, &number) != 0)
		;
	right = fill_all(true);
	puts(right ? "intact" : "broken");
	return right ? 0 : 1;
}

static int map(long count, bool merge)
{
	long done = 0;

	if (merge && prctl(PR_SET_MEMORY_MERGE, 1UL, 0UL, 0UL, 0UL) < 0)
		puts("no prctl");
	while (done < count && mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				    -1, 0) != MAP_FAILED)
		done++;
	printf("%ld mapped\n", done);
	return done == count ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "table") == 0)
		return hold_table(argc > 2);
	if (argc >= 3 && strcmp(argv[1], "maps") == 0)
		return map(strtol(argv[2], NULL, 10), argc > 3);
	return 2;
}
