/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of /proc/PID/smaps and maps, in pieces of the size that its first byte says: the pieces change nothing, and what
 * is found is in order and large enough.
 */
#include "hook/notify/regions.h"
#include "tests/fuzz/fuzz.h"

#define ROOM 4
#define MAX  1024

struct result {
	struct inject_range ranges[MAX];
	size_t count;
};

static void parse(const char *text, size_t len, size_t piece, bool smaps, struct result *ret)
{
	struct inject_range ranges[ROOM];
	struct regions regions = {
		.min_size = 65536, .smaps = smaps, .ranges = ranges, .room = ROOM};

	ret->count = 0;
	for (size_t at = 0; at < len;) {
		at += regions_feed(&regions, text + at, len - at < piece ? len - at : piece);
		must(regions.count <= ROOM);
		for (size_t i = 0; i < regions.count && ret->count < MAX; i++) {
			must(ranges[i].end >= ranges[i].start + 65536);
			ret->ranges[ret->count++] = ranges[i];
		}
		regions.count = 0;
	}
}

/* Neighbours are one range or two, as they came in one piece or not: what is covered is the same. */
static uint64_t covered(const struct result *result)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < result->count; i++)
		sum += result->ranges[i].end - result->ranges[i].start;
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct result whole, pieces;

	if (size < 2)
		return 0;
	for (int smaps = 0; smaps < 2; smaps++) {
		parse((const char *)data + 1, size - 1, size, smaps, &whole);
		parse((const char *)data + 1, size - 1, 1 + data[0] % 64, smaps, &pieces);
		must(whole.count == MAX || pieces.count == MAX ||
		     covered(&whole) == covered(&pieces));
	}
	return 0;
}
