/* SPDX-License-Identifier: Apache-2.0 */
/*
 * own: maps memory and grows its heap a hundred times, and looks right after each call whether it is marked. Prints how often it was not.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE ((size_t)128 << 10)

/* By read and without a buffer of stdio's: nothing here gets memory. */
static int lacks_mark(uintptr_t address)
{
	static char text[1 << 20];
	size_t len = 0;
	ssize_t got;
	FILE *file = fopen("/proc/self/ksm_stat", "re");
	int fd = file ? fileno(file) : -1;

	text[0] = '\0';
	if (fd >= 0 && (got = read(fd, text, 1000)) > 0)
		text[got] = '\0';
	if (file)
		fclose(file);
	if (strstr(text, "ksm_merge_any: yes"))
		return 0;
	file = fopen("/proc/self/smaps", "re");
	fd = file ? fileno(file) : -1;
	while (fd >= 0 && (got = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = '\0';
	if (file)
		fclose(file);
	for (char *line = text, *next; (next = strchr(line, '\n')); line = next + 1) {
		char *dash, *flags;
		uintptr_t start = strtoul(line, &dash, 16);

		if (dash == line || *dash != '-' || address < start ||
		    address >= strtoul(dash + 1, NULL, 16))
			continue;
		flags = strstr(line, "VmFlags:");
		*strchr(flags, '\n') = '\0';
		return !strstr(flags, " mg");
	}
	return 1;
}

int main(void)
{
	int unmarked = 0, calls = 0;

	for (int i = 0; i < 100; i++) {
		char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				    -1, 0);
		int mapped = memory != MAP_FAILED;

		unmarked += !mapped || lacks_mark((uintptr_t)memory);
		if (mapped && i % 2)
			munmap(memory, SIZE);
		memory = sbrk((intptr_t)SIZE);
		unmarked += memory == (char *)-1 || lacks_mark((uintptr_t)memory);
		calls += 2;
	}
	printf("%d calls, %d unmarked\n", calls, unmarked);
	return 0;
}
