/* SPDX-License-Identifier: Apache-2.0 */
/* Is there room for pages that are to be separate again? */
#include <errno.h>

#include "hook/mark/room.h"
#include "tests/unit/unit.h"

#define MIB (UINT64_C(1) << 20)

static void write_text(const struct folder *folder, const char *name, const char *text)
{
	cleanup_close int fd =
		openat(folder->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void limits_of_v2(void **state)
{
	const struct folder *folder = *state;
	static const struct {
		const char *max, *high, *current, *stat;
		uint64_t bytes;
		const char *words; /* NULL: there is room */
	} cases[] = {
		/* 100 MiB, 60 used; a thirty-second part is kept */
		{"104857600\n", "max\n", "62914560\n", "anon 1\ninactive_file 0\n", 36 * MIB, NULL},
		{"104857600\n", "max\n", "62914560\n", "anon 1\ninactive_file 0\n", 37 * MIB,
		 "37 MiB more do not fit in "},
		{"104857600\n", "max\n", "62914560\n", "anon 1\ninactive_file 0\n", 37 * MIB,
		 "memory.max is 100 MiB and 60 MiB are used"},
		/* what is given back at once counts as free */
		{"104857600\n", "max\n", "62914560\n", "anon 1\ninactive_file 20971520\n", 56 * MIB,
		 NULL},
		{"104857600\n", "max\n", "62914560\n", "anon 1\ninactive_file 20971520\n", 57 * MIB,
		 "40 MiB are used"},
		{"104857600\n", "max\n", "62914560\n", "inactive_file 999999999999\n", 90 * MIB,
		 NULL},
		/* the one that slows down */
		{"max\n", "67108864\n", "62914560\n", "inactive_file 0\n", 1 * MIB, NULL},
		{"max\n", "67108864\n", "62914560\n", "inactive_file 0\n", 3 * MIB,
		 "memory.high is 64 MiB"},
		{"max\n", "max\n", "62914560\n", "inactive_file 0\n", 1 << 30, NULL},
		/* used up already */
		{"62914560\n", "max\n", "62914560\n", "inactive_file 0\n", 0, "memory.max is 60"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		write_text(folder, "memory.max", cases[i].max);
		write_text(folder, "memory.high", cases[i].high);
		write_text(folder, "memory.current", cases[i].current);
		write_text(folder, "memory.stat", cases[i].stat);
		if (cases[i].words)
			assert_error(room_in_cgroup(folder->path, cases[i].bytes, &err), ENOMEM,
				     cases[i].words);
		else
			assert_ok(room_in_cgroup(folder->path, cases[i].bytes, &err));
	}
}

static void limits_of_v1(void **state)
{
	const struct folder *folder = *state;

	assert_ok(room_in_cgroup(folder->path, UINT64_C(1) << 50, &err)); /* no such files */
	write_text(folder, "memory.usage_in_bytes", "62914560\n");
	write_text(folder, "memory.stat", "inactive_file 1\ntotal_inactive_file 10485760\n");
	write_text(folder, "memory.limit_in_bytes", "9223372036854771712\n");
	assert_ok(room_in_cgroup(folder->path, UINT64_C(1) << 50, &err));
	write_text(folder, "memory.limit_in_bytes", "104857600\n");
	assert_ok(room_in_cgroup(folder->path, 46 * MIB, &err));
	assert_error(room_in_cgroup(folder->path, 47 * MIB, &err), ENOMEM,
		     "memory.limit_in_bytes is 100 MiB and 50 MiB are used: raise it");
}

static void memory_of_the_host(void **state)
{
	static const char text[] = "MemTotal:        8388608 kB\n"
				   "MemFree:           10240 kB\n"
				   "MemAvailable:    1048576 kB\n";

	(void)state;
	/* 1 GiB, of which a thirty-second part of 8 GiB is kept. */
	assert_ok(room_in_host(text, 768 * MIB, &err));
	assert_error(room_in_host(text, 769 * MIB, &err), ENOMEM,
		     "769 MiB more do not fit in the host's memory, of which 1024 MiB are "
		     "available (MemAvailable) and 256 MiB are to stay so");
	assert_ok(room_in_host("", UINT64_C(1) << 50, &err)); /* it does not tell */
}

static void this_process(void **state)
{
	(void)state;
	assert_ok(room_check(getpid(), 0, &err));
	assert_error(room_check(getpid(), UINT64_C(1) << 50, &err), ENOMEM, "do not fit in");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(limits_of_v2, folder_set_up, folder_tear_down),
		cmocka_unit_test_setup_teardown(limits_of_v1, folder_set_up, folder_tear_down),
		cmocka_unit_test(memory_of_the_host),
		cmocka_unit_test(this_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
