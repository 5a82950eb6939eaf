/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of /proc/PID/smaps and maps, in pieces of the size that its first byte says: the pieces change nothing, and what
 * is found is not empty.
 */
#include "hook/mark/regions.h"
#include "tests/fuzz/fuzz.h"

#define ROOM 4
#define MAX  1024

struct result {
	struct inject_range ranges[MAX];
	size_t count;
};

static void parse(const char *text, size_t len, size_t piece, bool smaps, struct result *ret)
{
	struct inject_range ranges[ROOM] = {{0}};
	struct regions regions = {
		.min_size = 65536, .smaps = smaps, .ranges = ranges, .room = ROOM};

	ret->count = 0;
	for (size_t at = 0; at < len;) {
		at += regions_feed(&regions, text + at, len - at < piece ? len - at : piece);
		must(regions.count <= ROOM);
		for (size_t i = 0; i < regions.count && ret->count < MAX; i++) {
			must(ranges[i].end > ranges[i].start);
			ret->ranges[ret->count++] = ranges[i];
		}
		regions.count = 0;
	}
	regions_end(&regions);
	if (regions.count && ret->count < MAX)
		ret->ranges[ret->count++] = ranges[0];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct result whole, pieces;

	if (size < 2)
		return 0;
	for (int smaps = 0; smaps < 2; smaps++) {
		parse((const char *)data + 1, size - 1, size, smaps, &whole);
		parse((const char *)data + 1, size - 1, 1 + data[0] % 64, smaps, &pieces);
		must(whole.count == pieces.count);
		must(!memcmp(whole.ranges, pieces.ranges, whole.count * sizeof(*whole.ranges)));
	}
	return 0;
}
