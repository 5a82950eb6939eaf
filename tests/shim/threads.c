/* SPDX-License-Identifier: Apache-2.0 */
/* A thousand threads that allocate, hand chunks to each other and free them; prints a sum that depends on every byte. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 1000
#define CHUNKS	200

static void *shared[THREADS];

static void *work(void *arg)
{
	size_t self = (size_t)(uintptr_t)arg;
	uint64_t sum = 0;

	for (size_t i = 0; i < CHUNKS; i++) {
		size_t size = 16 + (self * 7919 + i * 104729) % 3000;
		unsigned char *p = i % 3 ? malloc(size) : calloc(1, size);

		if (!p)
			abort();
		memset(p, (int)(i ^ self), size);
		p = realloc(p, size + 100);
		for (size_t k = 0; k < size; k++)
			sum += p[k];
		free(__atomic_exchange_n(&shared[(self + i) % THREADS], p, __ATOMIC_ACQ_REL));
	}
	return (void *)(uintptr_t)sum;
}

int main(void)
{
	static pthread_t t[THREADS];
	pthread_attr_t attr;
	uint64_t sum = 0;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 << 10);
	for (size_t i = 0; i < THREADS; i++) {
		if (pthread_create(&t[i], &attr, work, (void *)(uintptr_t)i) != 0)
			abort();
	}
	for (size_t i = 0; i < THREADS; i++) {
		void *part;

		pthread_join(t[i], &part);
		sum += (uintptr_t)part;
	}
	printf("sum %llu\n", (unsigned long long)sum);
	return 0;
}
