/* SPDX-License-Identifier: Apache-2.0 */
/* Is the memory at an address marked mergeable? As the kernel shows it in /proc/self/smaps. */
#ifndef TESTS_SHIM_MARKED_H
#define TESTS_SHIM_MARKED_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static inline bool is_marked(const void *addr)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	bool here = false, marked = false;
	unsigned long start, end;
	char line[512], perms[5];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %4s ", &start, &end, perms) == 3)
			here = (uintptr_t)addr >= start && (uintptr_t)addr < end;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			marked = strstr(line, " mg") != NULL;
	}
	if (f)
		fclose(f);
	return marked;
}

static inline const char *mark_of(const void *addr)
{
	return is_marked(addr) ? "marked" : "not marked";
}

#endif
