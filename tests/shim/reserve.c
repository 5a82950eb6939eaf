/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reserves much address space and uses a part of it: by mprotect (as .NET and V8 do), and a mapping without claim on memory (as sanitizers
 * do). Prints which is marked mergeable: the part in use, not what is reserved. Exit 1 if the part in use is not.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/shim/marked.h"

int main(void)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	char *reserved = mmap(NULL, 64ul << 30, PROT_NONE, flags, -1, 0);
	char *sparse = mmap(NULL, 64ul << 30, PROT_READ | PROT_WRITE, flags, -1, 0);
	char *used = reserved + (1ul << 30);

	if (reserved == MAP_FAILED || sparse == MAP_FAILED)
		return 2;
	if (mprotect(used, 1 << 20, PROT_READ | PROT_WRITE) != 0)
		return 2;
	memset(used, 1, 1 << 20);
	sparse[5ul << 30] = 1;
	printf("reserved: %s\n", mark_of(reserved));
	printf("sparse: %s\n", mark_of(sparse));
	fprintf(stderr, "used: %s\n", mark_of(used));
	return is_marked(reserved) || is_marked(sparse) || !is_marked(used);
}
