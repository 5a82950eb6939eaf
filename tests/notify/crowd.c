/* SPDX-License-Identifier: Apache-2.0 */
/* crowd: 600 threads map memory at the same time; prints "ready" when all have theirs and waits for the end of its input. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define THREADS 600
#define ROUNDS	20
#define SIZE	((size_t)64 << 10)

static atomic_int waiting;

static void *get_memory(void *unused)
{
	for (size_t i = 0; i < ROUNDS; i++)
		if (mmap(NULL, SIZE + (i << 12), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
			_exit(1);
	atomic_fetch_sub(&waiting, 1);
	pause();
	return unused;
}

int main(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	char byte;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 32 << 10);
	atomic_store(&waiting, THREADS);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&thread, &attributes, get_memory, NULL))
			return 1;
	while (atomic_load(&waiting))
		usleep(1000);
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}
