/* SPDX-License-Identifier: Apache-2.0 */
/* malloc and free of SIZE bytes, COUNT times: `malloc_pairs COUNT SIZE`. */
#include <stdlib.h>

int main(int argc, char **argv)
{
	size_t count = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
	size_t size = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;

	for (size_t i = 0; i < count; i++) {
		void *volatile p = malloc(size);

		free(p);
	}
	return argc > 2 ? 0 : 2;
}
