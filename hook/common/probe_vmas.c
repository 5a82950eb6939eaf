/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Do neighbouring mappings still become one under PR_SET_MEMORY_MERGE? Where they do not (Linux 6.4 to 6.16), a program that maps
 * often runs into vm.max_map_count. Nothing is counted in /proc, which other threads and features change: mremap tells by EFAULT
 * that a range is more than one mapping.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hook/common/probe_tries.h"

#define PAGES 32

static char *map(char *address, size_t size, int protection, int flags)
{
	void *memory = mmap(address, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (memory == MAP_FAILED)
		_exit(PROBE_UNSURE);
	return memory;
}

/* Grown as one: the room behind it is free. What is two says EFAULT; whatever else comes, it was looked at as one. */
static bool is_one(char *memory, size_t size)
{
	return mremap(memory, size, size + (size_t)sysconf(_SC_PAGESIZE), 0) != MAP_FAILED ||
	       errno != EFAULT;
}

/* Page after page upwards, as a heap grows, or downwards, as the kernel places what programs map. Each is touched. */
static bool grows_as_one(bool upwards)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *room = map(NULL, (PAGES + 1) * page, PROT_NONE, 0);

	if (munmap(room, (PAGES + 1) * page) < 0)
		_exit(PROBE_UNSURE);
	for (size_t i = 0; i < PAGES; i++)
		*map(room + (upwards ? i : PAGES - 1 - i) * page, page, PROT_READ | PROT_WRITE,
		     MAP_FIXED) = 1;
	return is_one(room, PAGES * page);
}

bool probe_try_vma_merge(void)
{
	return probe_set_memory_merge() && grows_as_one(true) && grows_as_one(false);
}
