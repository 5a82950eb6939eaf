/* SPDX-License-Identifier: Apache-2.0 */
/* A set of page frames, by their numbers. */
#include "hook/common/seen.h"

#include <errno.h>
#include <stdlib.h>

/* A bit each, in chunks of 2^22 frames that are made when needed (and filled in by the kernel, page by page). */
#define CHUNK_SHIFT 22
#define CHUNK_WORDS ((UINT64_C(1) << CHUNK_SHIFT) / 64)
#define CHUNKS	    (UINT64_C(1) << 18) /* 2^40 frames: 52 bits of physical address */

struct seen {
	uint64_t *chunks[CHUNKS];
};

struct seen *seen_new(void)
{
	return calloc(1, sizeof(struct seen));
}

void seen_free(struct seen *seen)
{
	for (size_t i = 0; seen && i < CHUNKS; i++)
		free(seen->chunks[i]);
	free(seen);
}

bool seen_has(const struct seen *seen, uint64_t frame)
{
	uint64_t chunk = frame >> CHUNK_SHIFT;

	if (chunk >= CHUNKS || !seen->chunks[chunk])
		return false;
	return seen->chunks[chunk][(frame / 64) % CHUNK_WORDS] >> (frame % 64) & 1;
}

int seen_add(struct seen *seen, uint64_t frame)
{
	uint64_t chunk = frame >> CHUNK_SHIFT;

	if (chunk >= CHUNKS)
		return -ENOMEM;
	if (!seen->chunks[chunk]) {
		seen->chunks[chunk] = calloc(CHUNK_WORDS, sizeof(uint64_t));
		if (!seen->chunks[chunk])
			return -ENOMEM;
	}
	seen->chunks[chunk][(frame / 64) % CHUNK_WORDS] |= UINT64_C(1) << (frame % 64);
	return 0;
}
