/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rate flood THREADS: maps and unmaps as fast as it can. rate CALLS: makes so many calls, one each 2 ms, and prints the 99th percentile
 * of what they took in us.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SIZE ((size_t)64 << 10)

static double map_and_unmap(void)
{
	struct timespec begin, end;
	void *memory;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (memory == MAP_FAILED)
		_exit(1);
	munmap(memory, SIZE);
	return (double)(end.tv_sec - begin.tv_sec) * 1e6 +
	       (double)(end.tv_nsec - begin.tv_nsec) / 1e3;
}

static void *flood(void *unused)
{
	for (;;)
		map_and_unmap();
	return unused;
}

static int compare(const void *a, const void *b)
{
	const double *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

int main(int argc, char **argv)
{
	long count = argc > 1 ? strtol(argv[argc - 1], NULL, 10) : 0;
	double *times;
	pthread_t thread;

	if (count <= 0)
		return 2;
	if (argc > 2) {
		alarm(60);
		for (long i = 1; i < count; i++)
			if (pthread_create(&thread, NULL, flood, NULL))
				return 1;
		flood(NULL);
	}
	times = calloc((size_t)count, sizeof(*times));
	for (long i = 0; times && i < count; i++) {
		usleep(2000);
		times[i] = map_and_unmap();
	}
	if (!times)
		return 1;
	qsort(times, (size_t)count, sizeof(*times), compare);
	printf("%.0f\n", times[count * 99 / 100]);
	free(times);
	return 0;
}
