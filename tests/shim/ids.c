/* SPDX-License-Identifier: Apache-2.0 */
/* A setuid program: says who it is, and allocates. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	char *p = malloc(3000000);

	memset(p, 1, 3000000);
	printf("uid %u, euid %u, %zu\n", getuid(), geteuid(), strnlen(p, 3000000));
	free(p);
	return 0;
}
