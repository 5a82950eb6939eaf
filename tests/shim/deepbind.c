/* SPDX-License-Identifier: Apache-2.0 */
/* Loads a library with RTLD_DEEPBIND, whose malloc is the libc's and not the shim's, and passes chunks both ways. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	void *lib = dlopen(argc > 1 ? argv[1] : "", RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
	char *(*make)(const char *, size_t);
	void (*drop)(char *);

	if (!lib) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	make = (char *(*)(const char *, size_t))dlsym(lib, "make");
	drop = (void (*)(char *))dlsym(lib, "drop");
	for (size_t i = 0; i < 2000; i++) {
		char *theirs = make("theirs", i * 100);
		char *ours = malloc(i * 100 + 5);

		strcpy(ours, "ours");
		drop(ours);
		theirs = realloc(theirs, i * 200 + 7);
		if (strcmp(theirs, "theirs") != 0)
			return 1;
		free(theirs);
	}
	puts("both ways");
	return dlclose(lib);
}
