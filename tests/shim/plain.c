/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest program of all: for a program of another class (32 bits) and a static one. */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	void *p = malloc(1 << 20);

	puts(p ? "allocated" : "no memory");
	free(p);
	return 3;
}
