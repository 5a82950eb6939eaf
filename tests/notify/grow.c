/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grow [exec]: gets memory in each way that there is, in two threads and in a child, prints "ready" and waits for the
 * end of its input. `exec`: gets nothing by a call that is notified, but by being exec'd.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

static char bss[3 * MIB];

static void check(int good, const char *what)
{
	if (!good) {
		perror(what);
		_exit(1);
	}
}

static char *map(size_t size, int prot)
{
	char *memory = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(memory != MAP_FAILED, "mmap");
	return memory;
}

static void touch(char *memory, size_t size)
{
	for (size_t i = 0; i < size; i += 4096)
		memory[i] = (char)(i >> 12);
}

static void *get_memory(void *unused)
{
	char *memory = map(2 * MIB, PROT_READ | PROT_WRITE);
	char *moved = mremap(memory, 2 * MIB, 8 * MIB, MREMAP_MAYMOVE);
	char *reserved = map(16 * MIB, PROT_NONE);

	check(moved != MAP_FAILED, "mremap");
	touch(moved, 8 * MIB);
	check(mprotect(reserved + MIB, 4 * MIB, PROT_READ | PROT_WRITE) == 0, "mprotect");
	touch(reserved + MIB, 4 * MIB);
	/* Each too small to be notified, side by side. */
	for (int i = 0; i < 64; i++)
		touch(map(32 << 10, PROT_READ | PROT_WRITE), 32 << 10);
	return unused;
}

static void get_heap(void)
{
	for (int i = 0; i < 16; i++) {
		char *heap = sbrk(100 << 10);

		check(heap != (char *)-1, "sbrk");
		touch(heap, 100 << 10);
	}
}

static void wait_for_end(void)
{
	char byte;

	while (read(0, &byte, 1) > 0)
		;
}

int main(int argc, char **argv)
{
	int only_exec = argc > 1 && strcmp(argv[1], "exec") == 0;
	pthread_t thread;
	pid_t child;

	touch(bss, sizeof(bss));
	get_heap();
	if (!only_exec) {
		check(pthread_create(&thread, NULL, get_memory, NULL) == 0, "pthread_create");
		check(pthread_join(thread, NULL) == 0, "pthread_join");
	}
	child = fork();
	check(child >= 0, "fork");
	if (only_exec)
		get_heap();
	else
		get_memory(NULL);
	if (child == 0) {
		wait_for_end();
		_exit(0);
	}
	puts("ready");
	fflush(stdout);
	wait_for_end();
	waitpid(child, NULL, 0);
	return 0;
}
