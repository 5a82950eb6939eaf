/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that compute what is known before: memory of all kinds, locks, pipes, floating point, and timers in between. */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/inject/victim.h"

#define THREADS 4
#define SEEDS	8
#define BLOCKS	32

static uint64_t expected[SEEDS];
static volatile uint64_t alarms;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static unsigned turn, rounds;

static uint64_t next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005 + 1442695040888963407;
	return *seed >> 11;
}

static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *byte = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ byte[i]) * 1099511628211;
	return hash;
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t with_malloc(uint64_t hash, uint64_t *seed)
{
	uint64_t *blocks[BLOCKS];
	size_t sizes[BLOCKS];

	for (size_t i = 0; i < BLOCKS; i++) {
		sizes[i] = 1 + next(seed) % (i % 8 ? 64 : 20000);
		blocks[i] = malloc(sizes[i] * sizeof(uint64_t));
		for (size_t j = 0; j < sizes[i]; j++)
			blocks[i][j] = next(seed);
		qsort(blocks[i], sizes[i], sizeof(uint64_t), ascending);
	}
	for (size_t i = 0; i < BLOCKS; i++) {
		hash = mix(hash, blocks[i], sizes[i] * sizeof(uint64_t));
		free(blocks[i]);
	}
	return hash;
}

static uint64_t with_mmap(uint64_t hash, uint64_t *seed)
{
	size_t size = 65536 + (next(seed) % 16) * 4096;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		victim_fail("mmap: %s", strerror(errno));
	for (size_t i = 0; i < size; i += 512)
		memory[i] = (char)next(seed);
	hash = mix(hash, memory, size);
	if (munmap(memory, size) < 0)
		victim_fail("munmap: %s", strerror(errno));
	return hash;
}

static uint64_t with_numbers(uint64_t hash, uint64_t *seed)
{
	double sum = 0;

	for (int i = 0; i < 2000; i++)
		sum += sqrt((double)next(seed)) * sin((double)i);
	return mix(hash, &sum, sizeof(sum));
}

/* A byte is never lost, and no call fails. */
static uint64_t with_pipe(uint64_t hash, uint64_t *seed)
{
	unsigned char sent[512], received[512];
	int fds[2];
	ssize_t n;

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (unsigned char)next(seed);
	if (pipe(fds) < 0 || write(fds[1], sent, sizeof(sent)) != (ssize_t)sizeof(sent))
		victim_fail("pipe: %s", strerror(errno));
	n = read(fds[0], received, sizeof(received));
	if (n != (ssize_t)sizeof(received))
		victim_fail("read: %zd, %s", n, strerror(errno));
	close(fds[0]);
	close(fds[1]);
	return mix(hash, received, sizeof(received));
}

static uint64_t compute(uint64_t which)
{
	uint64_t seed = which, hash = 14695981039346656037u;

	hash = with_malloc(hash, &seed);
	hash = with_mmap(hash, &seed);
	hash = with_numbers(hash, &seed);
	return with_pipe(hash, &seed);
}

/* In turns: each thread wakes the next one. */
static void pass_on(unsigned self)
{
	pthread_mutex_lock(&lock);
	while (turn != self && !victim_stop)
		pthread_cond_wait(&turned, &lock);
	turn = (self + 1) % THREADS;
	rounds++;
	pthread_cond_broadcast(&turned);
	pthread_mutex_unlock(&lock);
}

static void *work(void *data)
{
	unsigned self = (unsigned)(uintptr_t)data;

	for (uint64_t i = self; !victim_stop; i++) {
		uint64_t found = compute(i % SEEDS);

		if (found != expected[i % SEEDS])
			victim_fail("computed %lx instead of %lx", found, expected[i % SEEDS]);
		pass_on(self);
	}
	return NULL;
}

static void on_alarm(int signal)
{
	(void)signal;
	alarms++;
}

void victim_busy(void)
{
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	struct itimerval every = {{0, 1000}, {0, 1000}};
	pthread_t threads[THREADS];

	for (uint64_t i = 0; i < SEEDS; i++)
		expected[i] = compute(i);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, (void *)i);
	victim_ready(NULL, 0);
	while (!victim_stop)
		victim_sleep_ms(5);
	pthread_cond_broadcast(&turned);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	if (!alarms || !rounds)
		victim_fail("%lu alarms, %u rounds", alarms, rounds);
	printf("%u rounds, %lu alarms\n", rounds, alarms);
}
