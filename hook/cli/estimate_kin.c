/* SPDX-License-Identifier: Apache-2.0 */
/* With whom a process can have page frames in common: what estimate has to know where frames have no numbers. */
#include "hook/cli/estimate_kin.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/common/ksm.h"
#include "hook/common/proc.h"
#include "hook/common/subordinate.h"
#include "oci-config/cleanup.h"
#include "oci-config/file.h"

#define AUXV_MAX 64

/* Each exec has 16 random bytes of its own in its memory (AT_RANDOM), also without ASLR. Forks inherit them. */
static uint64_t read_family(int proc, int mem)
{
	cleanup_close int fd = subordinate_open(proc, "auxv");
	Elf64_auxv_t auxv[AUXV_MAX];
	uint64_t random[2];
	ssize_t len = fd < 0 ? -1 : ocfg_file_read_full(fd, (char *)auxv, sizeof(auxv));

	for (size_t i = 0; len > 0 && i < (size_t)len / sizeof(*auxv); i++)
		if (auxv[i].a_type == AT_RANDOM &&
		    pread(mem, random, sizeof(random), (off_t)auxv[i].a_un.a_val) == sizeof(random))
			return random[0] ^ random[1];
	return 0;
}

static uint64_t read_merging(int proc)
{
	cleanup_close int fd = subordinate_open(proc, "ksm_merging_pages");
	char text[32];
	ssize_t len = fd < 0 ? -1 : ocfg_file_read_full(fd, text, sizeof(text) - 1);
	int64_t pages;

	if (len <= 0)
		return ksm_sys_get("pages_shared") != 0;
	text[len] = '\0';
	return proc_number(text, &pages) == 0 && pages > 0 ? (uint64_t)pages : 0;
}

struct kin kin_read(int proc, int mem)
{
	return (struct kin){.family = read_family(proc, mem), .merging = read_merging(proc)};
}

static int compare(const void *a, const void *b)
{
	uint64_t left, right;

	memcpy(&left, a, sizeof(left));
	memcpy(&right, b, sizeof(right));
	return (left > right) - (left < right);
}

void kin_sort(uint64_t *families, size_t count)
{
	qsort(families, count, sizeof(*families), compare);
}

bool kin_has(const uint64_t *families, size_t count, uint64_t family)
{
	return count && bsearch(&family, families, count, sizeof(*families), compare);
}
