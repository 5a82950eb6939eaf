/* SPDX-License-Identifier: Apache-2.0 */
/* With whom a process can have page frames in common: what estimate has to know where frames have no numbers. */
#ifndef HOOK_CLI_ESTIMATE_KIN_H
#define HOOK_CLI_ESTIMATE_KIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kin {
	uint64_t family; /* the same for all that come of one exec by fork; 0: not known */
	uint64_t
		merging; /* its pages that KSM merges; 1 if this kernel does not tell (before 5.19) and KSM merges anything at all */
};

/* `proc`, `mem`: as contents_open returns them. What cannot be read is not known. */
struct kin kin_read(int proc, int mem);

/* Families, sorted: is that one among them? */
void kin_sort(uint64_t *families, size_t count);
bool kin_has(const uint64_t *families, size_t count, uint64_t family);

#endif
