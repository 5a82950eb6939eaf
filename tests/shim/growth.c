/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program whose heap does all that a heap can do, in one thread and in several; at its end it says which of its private writable
 * memory is not marked mergeable. Exit 1 if that is more than what the shim may leave for lack of a later look.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define THREADS 4
/* What may be left: glibc grows by 132 KiB for each thread, a look comes each 64; batches wait. */
#define SHARE 30

static void **keep;
static size_t kept;

static void touch(void *p, size_t size)
{
	if (!p)
		abort();
	memset(p, 0x5a, size);
	__atomic_store_n(&keep[__atomic_fetch_add(&kept, 1, __ATOMIC_RELAXED)], p,
			 __ATOMIC_RELAXED);
}

static void grow(size_t total, size_t size)
{
	for (size_t done = 0; done < total; done += size)
		touch(malloc(size), size);
}

/* Takes memory up and gives it back, so that brk falls and rises again over the same addresses. */
static void shrink_and_grow(void)
{
	for (int round = 0; round < 4; round++) {
		void *p[64];

		for (int i = 0; i < 64; i++) {
			p[i] = malloc(100 << 10);
			memset(p[i], 1, 100 << 10);
		}
		for (int i = 63; i >= 0; i--)
			free(p[i]);
#ifdef __GLIBC__
		malloc_trim(0);
#endif
	}
	grow(4 << 20, 3000);
}

static void other_calls(void)
{
	void *p;

	touch(calloc(300, 1000), 300000);
	touch(realloc(malloc(10), 700000), 700000);
	if (posix_memalign(&p, 4096, 200000) != 0)
		abort();
	touch(p, 200000);
	touch(aligned_alloc(64, 640000), 640000);
	p = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(p, 1 << 20, PROT_READ | PROT_WRITE);
	touch(p, 1 << 20);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	touch(mremap(p, 4096, 1 << 20, MREMAP_MAYMOVE), 1 << 20);
}

static void *thread(void *arg)
{
	(void)arg;
	grow(3 << 20, 48);
	shrink_and_grow();
	grow(8 << 20, 20000);
	return NULL;
}

/* KiB of anonymous memory in private writable mappings without "mg", and in all of them; stacks hold little and are not counted. */
static long unmarked(long *all)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	char line[512], perms[5] = "", head[512] = "";
	long anon = 0, sum = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*x-%*x %4s", perms) == 1) {
			strcpy(head, line);
		} else if (sscanf(line, "Anonymous: %ld", &anon) == 1) {
			*all += perms[1] == 'w' && perms[3] == 'p' ? anon : 0;
		} else if (strncmp(line, "VmFlags:", 8) == 0 && perms[1] == 'w' &&
			   perms[3] == 'p' && !strstr(line, " mg") && !strstr(head, "[stack") &&
			   anon >= 64) {
			sum += anon;
			fprintf(stderr, "unmarked: %ld KiB of %s", anon, head);
		}
	}
	return sum;
}

int main(void)
{
	pthread_t t[THREADS];
	long left, all = 0;

	keep = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	grow(6 << 20, 100);
	shrink_and_grow();
	other_calls();
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, thread, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	grow(12 << 20, 5000);
	left = unmarked(&all);
	printf("unmarked %s\n", left <= all / SHARE ? "little" : "much");
	return left > all / SHARE;
}
