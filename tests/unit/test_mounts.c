/* SPDX-License-Identifier: Apache-2.0 */
/* mounts of config.json: what is seen at a place, adding and taking back. */
#include "oci-config/mounts.h"
#include "tests/unit/unit.h"

#define TMPFS(at) "{\"destination\":\"" at "\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"}"
#define OPTION(o) "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"options\":[\"nosuid\",\"" o "\"]}"
#define BIND(at)  "{\"destination\":\"" at "\",\"type\":\"bind\",\"source\":\"/s\"}"
#define MOUNTS(m) "{\"mounts\":[" m "]}"
#define OURS                                                               \
	"{\"destination\":\"/dev/x\",\"type\":\"bind\",\"source\":\"/s\"," \
	"\"options\":[\"bind\",\"ro\",\"nosuid\",\"nodev\"]}"

static void knows_a_tmpfs_of_the_containers_own(void **state)
{
	static const struct {
		const char *text;
		bool tmpfs;
	} cases[] = {
		{MOUNTS(TMPFS("/dev")), true},
		{MOUNTS(TMPFS("/dev/")), true},
		{MOUNTS(TMPFS("//./dev")), true},
		{MOUNTS(TMPFS("dev")), true},
		{MOUNTS(BIND("/") "," TMPFS("/dev") "," BIND("/dev/shm")), true},
		{MOUNTS(BIND("/dev") "," TMPFS("/dev")), true},
		{MOUNTS(TMPFS("/dev") "," BIND("/dev")), false},
		{MOUNTS(TMPFS("/dev") "," BIND("/dev/.")), false},
		{MOUNTS(TMPFS("/dev") "," BIND("/")), false},
		{MOUNTS(TMPFS("/dev") "," BIND("/sys/../dev")), false},
		{MOUNTS(TMPFS("/dev") "," BIND("/devices")), true},
		{MOUNTS(OPTION("mode=755")), true},
		{MOUNTS(OPTION("bind")), false},
		{MOUNTS(OPTION("rbind")), false},
		{MOUNTS(OPTION("tmpcopyup")), false},
		{MOUNTS(TMPFS("/dev/shm")), false},
		{MOUNTS(BIND("/dev")), false},
		{MOUNTS("{\"destination\":\"/dev\"}"), false},
		{MOUNTS("{\"type\":\"tmpfs\"}"), false},
		{MOUNTS(""), false},
		{"{}", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ocfg_spec spec = config_of(cases[i].text);

		if (ocfg_mounts_is_tmpfs(&spec, "/dev") != cases[i].tmpfs)
			fail_msg("%s", cases[i].text);
		ocfg_spec_done(&spec);
	}
}

static void knows_what_is_covered(void **state)
{
	static const struct {
		const char *text;
		bool covers;
	} cases[] = {
		{MOUNTS(BIND("/etc/ld.so.preload")), true},
		{MOUNTS(BIND("/etc/")), true},
		{MOUNTS(TMPFS("//etc")), true},
		{MOUNTS(BIND("/a") "," BIND("/usr/../etc")), true},
		{MOUNTS(BIND("/")), false},
		{MOUNTS(BIND("/etc/hosts") "," BIND("/et") "," BIND("/etc/ld.so.preload/x")),
		 false},
		{MOUNTS(BIND("/etc/ld.so.preload2")), false},
		{MOUNTS(""), false},
		{"{}", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ocfg_spec spec = config_of(cases[i].text);

		if (ocfg_mounts_covers(&spec, "/etc/ld.so.preload") != cases[i].covers)
			fail_msg("%s", cases[i].text);
		ocfg_spec_done(&spec);
	}
}

static void adds_and_takes_back(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{MOUNTS(BIND("/a")), MOUNTS(BIND("/a") "," OURS)},
		{MOUNTS(""), MOUNTS(OURS)},
		{MOUNTS("{\"destination\":\"/dev/x\",\"source\":\"/other\"}"),
		 MOUNTS("{\"destination\":\"/dev/x\",\"source\":\"/other\"}," OURS)},
		{"{\"a\":1}",
		 "{\"a\":1,\"mounts\":[" OURS "],\"oci-ksm-edits\":[\"mounts made\"]}"},
		{"{\"mounts\":null,\"a\":1}",
		 "{\"mounts\":[" OURS "],\"a\":1,\"oci-ksm-edits\":[\"mounts was null\"]}"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ocfg_spec spec = config_of(cases[i].before);

		assert_false(ocfg_mounts_has(&spec, "/s", "/dev/x"));
		assert_ok(ocfg_mounts_add_bind(&spec, "/s", "/dev/x", &err));
		assert_true(ocfg_mounts_has(&spec, "/s", "/dev/x"));
		assert_prints(spec.doc, cases[i].after);
		assert_ok(ocfg_mounts_add_bind(&spec, "/s", "/dev/x", &err));
		assert_prints(spec.doc, cases[i].after);
		assert_ok(ocfg_mounts_remove(&spec, "/s", "/dev/x", &err));
		assert_prints(spec.doc, cases[i].before);
		assert_ok(ocfg_mounts_remove(&spec, "/s", "/dev/x", &err));
		assert_prints(spec.doc, cases[i].before);
		ocfg_spec_done(&spec);
	}
}

static void keeps_an_array_that_others_use(void **state)
{
	struct ocfg_spec spec = config_of("{}");

	(void)state;
	assert_ok(ocfg_mounts_add_bind(&spec, "/s", "/dev/x", &err));
	assert_ok(ocfg_mounts_add_bind(&spec, "/s", "/y", &err));
	assert_ok(ocfg_mounts_remove(&spec, "/s", "/dev/x", &err));
	assert_true(ocfg_mounts_has(&spec, "/s", "/y"));
	assert_ok(ocfg_mounts_remove(&spec, "/s", "/y", &err));
	assert_prints(spec.doc, "{}");
	ocfg_spec_done(&spec);
}

static void tells_the_source_of_the_last(void **state)
{
	struct ocfg_spec spec = config_of(MOUNTS("{\"destination\":\"/a\",\"source\":\"/1\"},"
						 "{\"destination\":\"/a\",\"source\":\"/2\"},"
						 "{\"destination\":\"/b\"}"));

	(void)state;
	assert_string_equal(ocfg_mounts_source(&spec, "/a"), "/2");
	assert_string_equal(ocfg_mounts_source(&spec, "/b"), "");
	assert_null(ocfg_mounts_source(&spec, "/a/"));
	ocfg_spec_done(&spec);
}

static void finds_no_mounts_in_process_json(void **state)
{
	struct ocfg_spec spec = spec_of(OCFG_SPEC_PROCESS, "{\"mounts\":7}");

	(void)state;
	assert_false(ocfg_mounts_is_tmpfs(&spec, "/dev"));
	assert_false(ocfg_mounts_covers(&spec, "/dev"));
	assert_false(ocfg_mounts_has(&spec, "/s", "/dev"));
	assert_null(ocfg_mounts_source(&spec, "/dev"));
	ocfg_spec_done(&spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_a_tmpfs_of_the_containers_own),
		cmocka_unit_test(knows_what_is_covered),
		cmocka_unit_test(adds_and_takes_back),
		cmocka_unit_test(keeps_an_array_that_others_use),
		cmocka_unit_test(tells_the_source_of_the_last),
		cmocka_unit_test(finds_no_mounts_in_process_json),
	};

	return cmocka_run_group_tests_name("mounts", tests, NULL, NULL);
}
