/* SPDX-License-Identifier: Apache-2.0 */
/* The library of deepbind.c; preloaded, it is also one that allocates before the program and every constructor of ours. */
#include <stdlib.h>
#include <string.h>

char *make(const char *text, size_t more);
void drop(char *text);

char *make(const char *text, size_t more)
{
	char *p = calloc(1, strlen(text) + 1 + more);

	return p ? strcpy(p, text) : NULL;
}

void drop(char *text)
{
	free(text);
}

static __attribute__((constructor)) void early(void)
{
	for (size_t i = 0; i < 100; i++)
		drop(make("early", i * 10000));
}
