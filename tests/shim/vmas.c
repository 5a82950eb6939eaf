/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maps, allocates and frees much, in many sizes, and prints how many mappings the process has then. With an argument: while no
 * file can be opened, as where /proc is not mounted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

int main(int argc, char **argv)
{
	FILE *f = fopen("/proc/self/maps", "re");
	int lines = 0, c;

	(void)argv;
	if (argc > 1 && setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, 0}) < 0)
		return 1;
	for (size_t i = 0; i < 20000;
	     i++) { /* each mapped alone by glibc; little of it is touched */
		char *p = malloc(140000 + i % 64 * 4096);
		char *m = mmap(NULL, 4096 + (i % 40) * 4096, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (!p || m == MAP_FAILED)
			return 1;
		p[0] = m[0] = 1;
		free(malloc(i)); /* and some of the heap */
		free(i % 3 == 0 ? malloc(3000) : NULL);
	}
	while (f && (c = fgetc(f)) != EOF)
		lines += c == '\n';
	printf("%d\n", lines);
	return 0;
}
