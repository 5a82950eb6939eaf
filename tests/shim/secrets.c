/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that must not be merged: locked, kept out of dumps, wiped on fork; in mappings, in the heap, in a thread's arena. Says for each
 * whether it is marked mergeable after the heap around it has grown. Exit 1 if one is, or if the rest of the heap is not.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/shim/marked.h"

#define PAGE 4096ul

static void *map(int more)
{
	return mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | more, -1,
		    0);
}

static void grow(void)
{
	for (int i = 0; i < 20000; i++) {
		char *p = malloc(500);

		memset(p, 1, 500);
	}
}

static void *page_in(void *chunk)
{
	return (void *)(((uintptr_t)chunk + PAGE - 1) & -PAGE);
}

static void *in_chunk(void *chunk)
{
	void *p = page_in(chunk);

	mlock(p, 2 * PAGE);
	return p;
}

static void *arena_secret(void *arg)
{
	void **p = arg;

	p[0] = in_chunk(malloc(16 * PAGE));
	p[1] = page_in(malloc(16 * PAGE));
	madvise(p[1], 2 * PAGE, MADV_UNMERGEABLE);
	grow();
	return NULL;
}

int main(void)
{
	void *locked = map(0), *nodump = map(0), *wiped = map(0), *flagged = map(MAP_LOCKED),
	     *plain = map(0);
	void *heap, *arena[2], *all;
	int wrong = 0;
	pthread_t t;

	mlock(locked, 64 * PAGE);
	madvise(nodump, 64 * PAGE, MADV_DONTDUMP);
	madvise(wiped, 64 * PAGE, MADV_WIPEONFORK);
	heap = in_chunk(malloc(16 * PAGE));
	grow();
	pthread_create(&t, NULL, arena_secret, arena);
	pthread_join(t, NULL);
	const struct {
		const char *what;
		const void *addr;
	} secret[] = {{"mlock", locked},       {"dontdump", nodump}, {"wipeonfork", wiped},
		      {"map_locked", flagged}, {"heap", heap},	     {"arena", arena[0]},
		      {"unmarked", arena[1]}};
	for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++) {
		bool marked = is_marked(secret[i].addr);

		printf("%s: %s\n", secret[i].what, mark_of(secret[i].addr));
		wrong |= marked;
	}
	fprintf(stderr, "plain: %s\n", mark_of(plain));
	mlockall(MCL_CURRENT);
	all = map(0);
	printf("after mlockall: %s, %s\n", mark_of(plain), mark_of(all));
	return wrong || is_marked(plain) || is_marked(all);
}
