/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a mapping costs:
 *   mapping cost SIZE MS         ns of one mmap of SIZE bytes, touching each page, and munmap: median of rounds, over MS ms
 *   mapping latency COUNT PAUSE  COUNT mmaps of 64 KiB, PAUSE us between them: median, 99th percentile, largest, in ns
 *   mapping flood THREADS        maps 64 KiB and unmaps it in so many threads until it is killed
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE  4096
#define BATCH 50

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static char *map(size_t size)
{
	char *start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (start == MAP_FAILED) {
		perror("mapping: mmap");
		exit(1);
	}
	return start;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void cost(size_t size, long ms)
{
	static int64_t rounds[1 << 20];
	size_t count = 0;
	int64_t end = now_ns() + ms * 1000000;

	do {
		int64_t begin = now_ns();

		for (int i = 0; i < BATCH; i++) {
			char *start = map(size);

			for (size_t at = 0; at < size; at += PAGE)
				((volatile char *)start)[at] = 1;
			munmap(start, size);
		}
		rounds[count++] = (now_ns() - begin) / BATCH;
	} while (now_ns() < end && count < sizeof(rounds) / sizeof(rounds[0]));
	qsort(rounds, count, sizeof(rounds[0]), compare);
	printf("%lld\n", (long long)rounds[count / 2]);
}

static void latency(size_t count, long pause_us)
{
	int64_t *times = calloc(count + 1, sizeof(*times));

	for (size_t i = 0; times && i < count; i++) {
		int64_t begin;
		char *start;

		usleep((useconds_t)pause_us);
		begin = now_ns();
		start = map(65536);
		times[i] = now_ns() - begin;
		munmap(start, 65536);
	}
	if (!times || !count)
		exit(1);
	qsort(times, count, sizeof(*times), compare);
	printf("%lld %lld %lld\n", (long long)times[count / 2], (long long)times[count * 99 / 100],
	       (long long)times[count - 1]);
	free(times);
}

static void *flood(void *data)
{
	(void)data;
	for (;;)
		munmap(map(65536), 65536);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc == 4 && strcmp(argv[1], "cost") == 0) {
		cost(strtoul(argv[2], NULL, 10), strtol(argv[3], NULL, 10));
	} else if (argc == 4 && strcmp(argv[1], "latency") == 0) {
		latency(strtoul(argv[2], NULL, 10), strtol(argv[3], NULL, 10));
	} else if (argc == 3 && strcmp(argv[1], "flood") == 0) {
		for (long i = strtol(argv[2], NULL, 10); i > 1; i--)
			if (pthread_create(&thread, NULL, flood, NULL) != 0)
				return 1;
		flood(NULL);
	} else {
		return 2;
	}
	return 0;
}
