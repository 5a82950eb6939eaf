/* SPDX-License-Identifier: Apache-2.0 */
/* How a container is to be notified: the words of listenerMetadata, and the calls. */
#include <errno.h>
#include <sys/mman.h>

#include "oci-config/notify.h"
#include "tests/unit/unit.h"

static void assert_same(const struct ocfg_notify *got, const struct ocfg_notify *expected)
{
	assert_int_equal(got->min_size, expected->min_size);
	assert_int_equal(got->regions, expected->regions);
	assert_int_equal(got->sync, expected->sync);
	assert_int_equal(got->brk, expected->brk);
}

static void reads_words(void **state)
{
	static const struct {
		const char *text;
		struct ocfg_notify notify;
	} cases[] = {
		{NULL, {.min_size = 65536}},
		{"", {.min_size = 65536}},
		{"oci-ksm", {.min_size = 65536}},
		{"oci-ksm min-size=65536 regions sync brk", {65536, true, true, true}},
		{"oci-ksm brk min-size=2M", {.min_size = 2 << 20, .brk = true}},
		{"oci-ksm min-size=0 sync", {.min_size = 65536, .sync = true}},
		{"oci-ksm min-size=65537", {.min_size = 69632}},
		{"oci-ksm min-size=1", {.min_size = 4096}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ocfg_notify notify = {0};

		assert_ok(ocfg_notify_parse(cases[i].text, &notify, &err));
		assert_same(&notify, &cases[i].notify);
	}
}

static void refuses_other_words(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"sync", "listenerMetadata: \"sync\" instead of \"oci-ksm\""},
		{"oci-ksm2", "\"oci-ksm2\" instead of \"oci-ksm\""},
		{"{\"a\":1}", "instead of \"oci-ksm\""},
		{" oci-ksm", "one space"},
		{"oci-ksm  sync", "one space"},
		{"oci-ksm sync ", "a space at the end"},
		{"oci-ksm\tsync", "instead of"},
		{"oci-ksm SYNC", "unknown word \"SYNC\""},
		{"oci-ksm sync=1", "unknown word \"sync=1\""},
		{"oci-ksm min-size", "unknown word \"min-size\""},
		{"oci-ksm min-size=", "\"\" is no size"},
		{"oci-ksm min-size=-1", "\"-1\" is no size"},
		{"oci-ksm min-size=18446744073709551615", "is no size"},
		{"oci-ksm min-size=99999999999999999999", "is no size"},
		{"oci-ksm min-size=00000000000000000000000000000000000000000000000000000000000000",
		 "one space"},
	};
	struct ocfg_notify notify = {.min_size = 7};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_error(ocfg_notify_parse(cases[i].text, &notify, &err), EINVAL,
			     cases[i].words);
	assert_int_equal(notify.min_size, 7);
}

static void writes_what_it_reads(void **state)
{
	char buf[96];

	(void)state;
	for (unsigned bits = 0; bits < 8; bits++) {
		struct ocfg_notify notify = {.min_size = (size_t)1 << 62,
					     .regions = bits & 1,
					     .sync = bits & 2,
					     .brk = bits & 4},
				   again = {0};

		assert_ptr_equal(ocfg_notify_format(&notify, buf, sizeof(buf)), buf);
		assert_ok(ocfg_notify_parse(buf, &again, &err));
		assert_same(&notify, &again);
	}
	assert_string_equal(buf, "oci-ksm min-size=4611686018427387904 regions sync brk");
}

static void notifies_large_anonymous_mappings(void **state)
{
	struct ocfg_notify notify = {.min_size = 1 << 20};
	struct ocfg_notify_call calls[OCFG_NOTIFY_CALLS];

	(void)state;
	assert_int_equal(ocfg_notify_calls(&notify, calls), 1);
	assert_string_equal(calls[0].name, "mmap");
	assert_int_equal(calls[0].count, 2);
	assert_int_equal(calls[0].conditions[0].index, 1);
	assert_int_equal(calls[0].conditions[0].op, OCFG_NOTIFY_GE);
	assert_int_equal(calls[0].conditions[0].value, 1 << 20);
	assert_int_equal(calls[0].conditions[1].index, 3);
	assert_int_equal(calls[0].conditions[1].op, OCFG_NOTIFY_MASKED_EQ);
	assert_int_equal(calls[0].conditions[1].value, MAP_ANONYMOUS);
	assert_int_equal(calls[0].conditions[1].value_two, MAP_ANONYMOUS);
	notify.brk = true;
	assert_int_equal(ocfg_notify_calls(&notify, calls), 2);
	assert_string_equal(calls[1].name, "brk");
	assert_int_equal(calls[1].conditions[0].op, OCFG_NOTIFY_NE);
	assert_int_equal(calls[1].conditions[0].value, 0);
	notify = (struct ocfg_notify){.min_size = 1 << 20, .sync = true};
	assert_int_equal(ocfg_notify_calls(&notify, calls), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_words),
		cmocka_unit_test(refuses_other_words),
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(notifies_large_anonymous_mappings),
	};

	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
