/* SPDX-License-Identifier: Apache-2.0 */
/* Which regions of a process are to be marked. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "hook/mark/regions.h"
#include "oci-config/notify.h"
#include "tests/unit/unit.h"

#define ROOM 8

/* One region of smaps, with those lines between header and flags that a kernel of today prints. */
#define REGION(header, flags)                  \
	header "\n"                            \
	       "Size:                132 kB\n" \
	       "KernelPageSize:        4 kB\n" \
	       "Rss:                   0 kB\n" \
	       "Anonymous:             0 kB\n" \
	       "KSM:                   0 kB\n" \
	       "THPeligible:           0\n"    \
	       "ProtectionKey:         0\n"    \
	       "VmFlags: " flags " \n"

#define RW "rd wr mr mw me ac sd"

static size_t parse(const char *text, bool smaps, size_t piece, struct inject_range *ranges,
		    size_t room)
{
	struct regions regions = {
		.min_size = 64 << 10, .smaps = smaps, .ranges = ranges, .room = room};
	size_t len = strlen(text);

	for (size_t at = 0; at < len;) {
		size_t n = len - at < piece ? len - at : piece;
		size_t used = regions_feed(&regions, text + at, n);

		assert_true(used == n || regions.count == room);
		at += used;
		if (used < n)
			break;
	}
	regions_end(&regions);
	return regions.count;
}

/* Has the region with this header and flags to be marked? However the text is cut into pieces. */
static bool wanted(const char *header, const char *flags)
{
	char text[2048];
	struct inject_range ranges[ROOM] = {{0}};
	size_t whole, cut;

	snprintf(text, sizeof(text),
		 "%s\nSize:   4 kB\nVmFlags: %s \n" REGION(
			 "7fffff000000-7fffff001000 r-xp 0 00:00 0", RW),
		 header, flags);
	whole = parse(text, true, sizeof(text), ranges, ROOM);
	for (size_t piece = 1; piece < 5; piece++) {
		cut = parse(text, true, piece, ranges, ROOM);
		assert_int_equal(whole, cut);
	}
	return whole == 1;
}

static void test_kinds(void **state)
{
	(void)state;
	assert_true(wanted("7f0000000000-7f0000021000 rw-p 00000000 00:00 0 ", RW));
	assert_true(wanted("7f0000000000-7f0000021000 ---p 00000000 00:00 0", "mr mw me sd"));
	assert_true(wanted("55aa00000000-55aa00021000 rw-p 00000000 00:00 0      [heap]", RW));
	assert_true(wanted("7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0   [stack]", RW));
	assert_true(wanted("7f0000000000-7f0000021000 rw-p 00000000 00:00 0   [stack:12]", RW));
	assert_true(wanted("7f0000000000-7f0000021000 rw-p 00000000 00:00 0   [anon:a b]", RW));
	assert_true(wanted("7f0000000000-7f0000010000 rw-p 00000000 00:00 0", RW));
	assert_false(wanted("7f0000000000-7f000000f000 rw-p 00000000 00:00 0", RW));
	assert_false(wanted("7f0000000000-7f0000021000 rw-s 00000000 00:00 0", RW));
	assert_false(wanted("7f0000000000-7f0000021000 rw-p 00000000 00:05 0", RW));
	assert_false(wanted("7f0000000000-7f0000021000 rw-p 00000000 00:00 12  /bin/a", RW));
	assert_false(wanted(
		"7f0000000000-7f0000021000 rw-p 00000000 00:01 12  /memfd:[heap] (deleted)", RW));
	assert_false(wanted("7f0000000000-7f0000021000 r--p 00000000 00:00 0  [vvar]", RW));
	assert_false(wanted("7f0000000000-7f0000021000 r--p 00000000 00:00 0  [vvar_vclock]", RW));
	assert_false(wanted("7f0000000000-7f0000021000 r-xp 00000000 00:00 0  [vdso]", RW));
	assert_false(wanted("ffffffffff600000-ffffffffff700000 --xp 00000000 00:00 0  [vsyscall]",
			    "ex"));
	assert_false(wanted("7f0000000000-7f0000021000 rw-p 00000000 00:00 0  /[heap]", RW));
}

static void test_flags(void **state)
{
	static const char *const refused[] = {"mg", "sh", "pf", "io", "ht", "de",
					      "mm", "lo", "dd", "wf", "dp"};
	static const char header[] = "7f0000000000-7f0000021000 rw-p 00000000 00:00 0";

	(void)state;
	assert_true(wanted(header, "rd wr mr mw me gd ac nr hg nh"));
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		char flags[64];

		snprintf(flags, sizeof(flags), "rd wr %s", refused[i]);
		assert_false(wanted(header, flags));
		snprintf(flags, sizeof(flags), "%s rd wr", refused[i]);
		assert_false(wanted(header, flags));
	}
}

/* What can stand in a name, and is not what it looks like. */
static void test_odd_names(void **state)
{
	char text[8192], name[6000];

	(void)state;
	assert_false(wanted(
		"7f0000000000-7f0000021000 rw-p 00001000 08:01 7   /a\\012VmFlags: rd wr", RW));
	assert_false(
		wanted("7f0000000000-7f0000021000 rw-p 0 08:01 7   /7f00-8f00 rw-p 0 00:00 0", RW));
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(text, sizeof(text), "7f0000000000-7f0000021000 rw-p 00000000 08:01 7  /%s", name);
	{
		char all[16384];
		struct inject_range ranges[ROOM] = {{0}};

		snprintf(all, sizeof(all), "%s\nVmFlags: rd wr \n%s", text,
			 REGION("7f1000000000-7f1000021000 rw-p 0 00:00 0", RW));
		for (size_t piece = 1; piece < 4000; piece += 97)
			assert_int_equal(parse(all, true, piece, ranges, ROOM), 1);
		assert_int_equal(ranges[0].end, 0x7f1000021000);
	}
}

static void test_reservations(void **state)
{
	(void)state;
	assert_false(wanted("7f0000000000-7f0040000000 ---p 00000000 00:00 0", "mr mw me"));
	assert_true(wanted("7f0000000000-7f003ffff000 ---p 00000000 00:00 0", "mr mw me"));
	assert_true(wanted("7f0000000000-7f0040000000 rw-p 00000000 00:00 0", RW));
	/* Without flags nothing is known of it. */
	assert_false(wanted("7f0000000000-7f0000021000 rw-p 00000000 00:00 0\nVmFlags: mg", RW));
}

static void test_broken(void **state)
{
	(void)state;
	assert_false(wanted("", RW));
	assert_false(wanted("7f0000000000", RW));
	assert_false(wanted("7f0000000000-", RW));
	assert_false(wanted("7f0000000000-7f0000021000 rw-p", RW));
	assert_false(wanted("7f0000000000-7f0000021000 rw-p 0 00:00", RW));
	assert_false(wanted("7f0000021000-7f0000000000 rw-p 0 00:00 0", RW));
	assert_false(wanted("11117f0000000000-11117f00000210001 rw-p 0 00:00 0", RW));
}

/*
 * From one mapping that must not be marked to the next: so that no end of a range lies where a region may be when
 * it is marked.
 */
static void test_stretches(void **state)
{
	static const char text[] = "0f00000-0f10000 r-xp 0 08:01 9 /bin/a\nVmFlags: rd \n"
				   "1000000-1020000 rw-p 0 00:00 0 [heap]\nVmFlags: rd wr \n"
				   "1020000-1021000 ---p 0 00:00 0 \nVmFlags: mr \n"
				   "1040000-1060000 rw-p 0 00:00 0 \nVmFlags: rd mg \n"
				   "1060000-1080000 rw-p 0 00:00 0 \nVmFlags: rd \n"
				   "1080000-1090000 rw-p 0 00:00 0 \nVmFlags: rd dd \n"
				   "1090000-10a0000 rw-p 0 00:00 0 \nVmFlags: rd mg \n"
				   "2000000-2010000 r-xp 0 08:01 9 /lib/a\nVmFlags: rd \n"
				   "2010000-2011000 rw-p 0 00:00 0 \nVmFlags: rd \n"
				   "3000000-3010000 r-xp 0 08:01 9 /lib/b\nVmFlags: rd \n"
				   "4000000-4020000 rw-p 0 00:00 0 [stack]\nVmFlags: rd gd \n";
	struct inject_range ranges[ROOM] = {{0}};

	(void)state;
	for (size_t piece = 1; piece < 90; piece += 11) {
		assert_int_equal(parse(text, true, piece, ranges, ROOM), 2);
		assert_int_equal(ranges[0].start, 0xf10000);
		assert_int_equal(ranges[0].end, 0x1080000);
		assert_int_equal(ranges[1].start, 0x3010000);
		assert_int_equal(ranges[1].end, 0x4020000);
	}
}

/* Who asked for a size of his own gets nothing smaller marked. */
static void test_own_size(void **state)
{
	static const char text[] = "1000000-1200000 rw-p 0 00:00 0\nVmFlags: rd wr \n"
				   "1300000-1310000 rw-p 0 00:00 0 \nVmFlags: rd wr \n"
				   "1400000-1600000 rw-p 0 00:00 0 \nVmFlags: rd mg \n"
				   "1600000-1800000 rw-p 0 00:00 0 \nVmFlags: rd \n";
	struct inject_range ranges[ROOM] = {{0}};
	struct regions regions = {
		.min_size = 1 << 20, .smaps = true, .ranges = ranges, .room = ROOM};

	(void)state;
	assert_int_equal(regions_feed(&regions, text, strlen(text)), strlen(text));
	regions_end(&regions);
	assert_int_equal(regions.count, 2);
	assert_int_equal(regions.wanted, 2);
	assert_int_equal(ranges[0].start, 0x1000000);
	assert_int_equal(ranges[0].end, 0x1300000);
	assert_int_equal(ranges[1].start, 0x1310000);
	assert_int_equal(ranges[1].end, 0x1800000);
}

static void test_maps(void **state)
{
	static const char text[] = "1000000-1020000 rw-p 00000000 00:00 0       [heap]\n"
				   "2000000-2020000 rw-p 00000000 08:01 99      /lib/libc.so.6\n"
				   "3000000-3020000 ---p 00000000 00:00 0 \n"
				   "4000000-4001000 rw-p 00000000 00:00 0 \n"
				   "5000000-5020000 r--p 00000000 00:00 0       [vvar]\n";
	struct inject_range ranges[ROOM] = {{0}};

	(void)state;
	for (size_t piece = 1; piece < sizeof(text); piece++) {
		assert_int_equal(parse(text, false, piece, ranges, ROOM), 2);
		assert_int_equal(ranges[0].end, 0x2000000);
		assert_int_equal(ranges[1].start, 0x2020000);
		assert_int_equal(ranges[1].end, 0x5000000);
	}
}

/* More than fits: the caller empties it and comes again with the rest, and nothing is lost or told twice. */
static void test_more_than_fits(void **state)
{
	enum { REGIONS = 1000, LINE = 80 };
	char *text = calloc(REGIONS, LINE);
	struct inject_range ranges[3] = {{0}};
	struct regions regions = {.min_size = OCFG_NOTIFY_MIN_SIZE, .ranges = ranges, .room = 3};
	size_t len = 0, used = 0, total = 0;

	(void)state;
	for (unsigned i = 1; i <= REGIONS; i++)
		len += (size_t)sprintf(text + len, "%x00000-%x10000 rw-p 0 %s\n", i, i,
				       i % 2 ? "00:00 0" : "08:01 7 /lib/a");
	do {
		used += regions_feed(&regions, text + used, len - used);
		for (size_t i = 0; i < regions.count; i++, total++)
			assert_int_equal(ranges[i].end, (2 * total + 2) << 20);
		assert_int_equal(regions.wanted, regions.count);
		regions.count = regions.wanted = 0;
	} while (used < len);
	assert_int_equal(total, REGIONS / 2);
	free(text);
}

/* The real thing: our own. */
static void test_own_process(void **state)
{
	struct inject_range ranges[256] = {{0}};
	struct regions regions = {
		.min_size = 1 << 20, .smaps = true, .ranges = ranges, .room = 256};
	size_t size = 4 << 20;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char text[1000];
	bool found = false;
	FILE *file = fopen("/proc/self/smaps", "r");

	(void)state;
	assert_non_null(file);
	assert_true(memory != MAP_FAILED);
	for (size_t len; (len = fread(text, 1, sizeof(text), file)) > 0;)
		assert_int_equal(regions_feed(&regions, text, len), len);
	fclose(file);
	for (size_t i = 0; i < regions.count; i++)
		if (ranges[i].start <= (uintptr_t)memory &&
		    (uintptr_t)memory + size <= ranges[i].end)
			found = true;
	assert_true(found);
	munmap(memory, size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),	       cmocka_unit_test(test_flags),
		cmocka_unit_test(test_odd_names),      cmocka_unit_test(test_reservations),
		cmocka_unit_test(test_broken),	       cmocka_unit_test(test_stretches),
		cmocka_unit_test(test_own_size),       cmocka_unit_test(test_maps),
		cmocka_unit_test(test_more_than_fits), cmocka_unit_test(test_own_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
