/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: every key, every wrong value, and the defaults that are left after an error. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "oci-config/file.h"
#include "oci-config/mode.h"
#include "oci-config/settings.h"
#include "tests/unit/unit.h"

static void assert_defaults(const struct ocfg_settings *settings)
{
	assert_int_equal(settings->enable, OCFG_ENABLE_ANNOTATED);
	assert_int_equal(settings->mode, OCFG_MODE_AUTO);
	assert_int_equal(settings->min_size, 0);
	assert_null(settings->preload_dir);
	assert_null(settings->state_dir);
	assert_null(settings->notify_socket);
	assert_false(settings->notify_brk);
	assert_false(settings->profit_guard.enable);
	assert_int_equal(settings->profit_guard.scans, 3);
	assert_int_equal(settings->profit_guard.pause, 600);
	assert_int_equal(settings->profit_guard.pause_max, 86400);
	assert_null(settings->log);
	assert_string_equal(settings->domain, "");
	assert_false(settings->domain_from_namespace);
	assert_false(settings->no_layout_shared);
	assert_string_equal(settings->runtimes[0], "crun");
	assert_string_equal(settings->runtimes[1], "runc");
	assert_null(settings->runtimes[2]);
	assert_int_equal(settings->ksm.ksm.scan_time, OCFG_KSM_UNSET);
	assert_int_equal(settings->ksm.ksm.merge_across_nodes, OCFG_KSM_UNSET);
	assert_false(settings->ksm.boost.on);
	assert_false(settings->ksm.pressure.on);
}

static struct ocfg_settings parse(const char *text, struct ocfg_notes *notes)
{
	struct ocfg_settings settings;

	assert_ok(ocfg_settings_parse(text, strlen(text), &settings, notes, &err));
	return settings;
}

static void has_defaults(void **state)
{
	struct ocfg_settings settings;
	struct ocfg_notes notes = {0};

	(void)state;
	assert_ok(ocfg_settings_init(&settings, &err));
	assert_defaults(&settings);
	ocfg_settings_done(&settings);
	settings = parse("{}", &notes);
	assert_defaults(&settings);
	assert_int_equal(notes.count, 0);
	ocfg_settings_done(&settings);
}

static void reads_every_key(void **state)
{
	struct ocfg_notes notes = {0};
	struct ocfg_settings settings =
		parse("{\"enable\":\"all\",\"mode\":\"preload,notify\",\"min_size\":\"64K\","
		      "\"preload_dir\":\"/opt/p\",\"state_dir\":\"/run/s\",\"notify_socket\":\"/"
		      "run/n\",\"notify_brk\":true,\"log\":\"file:/l\","
		      "\"domain\":\"a.b\",\"domain_from\":\"namespace\",\"layout_shared\":false,"
		      "\"runtimes\":[\"youki\",\"/usr/sbin/runc\"]}",
		      &notes);

	(void)state;
	assert_int_equal(notes.count, 0);
	assert_int_equal(settings.enable, OCFG_ENABLE_ALL);
	assert_int_equal(settings.mode, OCFG_MODE_PRELOAD | OCFG_MODE_NOTIFY);
	assert_int_equal(settings.min_size, 65536);
	assert_string_equal(settings.preload_dir, "/opt/p");
	assert_string_equal(settings.state_dir, "/run/s");
	assert_string_equal(settings.notify_socket, "/run/n");
	assert_true(settings.notify_brk);
	assert_string_equal(settings.log, "file:/l");
	assert_string_equal(settings.domain, "a.b");
	assert_true(settings.domain_from_namespace);
	assert_true(settings.no_layout_shared);
	assert_string_equal(settings.runtimes[0], "youki");
	assert_string_equal(settings.runtimes[1], "/usr/sbin/runc");
	assert_null(settings.runtimes[2]);
	ocfg_settings_done(&settings);
	settings = parse("{\"enable\":\"none\",\"mode\":\"off\",\"min_size\":4096,"
			 "\"log\":\"syslog\",\"layout_shared\":true}",
			 &notes);
	assert_int_equal(notes.count, 0);
	assert_int_equal(settings.enable, OCFG_ENABLE_NONE);
	assert_int_equal(settings.mode, 0);
	assert_int_equal(settings.min_size, 4096);
	assert_string_equal(settings.log, "syslog");
	assert_false(settings.no_layout_shared);
	ocfg_settings_done(&settings);
}

static void reads_the_profit_guard(void **state)
{
	struct ocfg_notes notes = {0};
	struct ocfg_settings settings = parse(
		"{\"profit_guard\":{\"enable\":true,\"scans\":5,\"pause\":7,\"pause_max\":9}}",
		&notes);

	(void)state;
	assert_int_equal(notes.count, 0);
	assert_true(settings.profit_guard.enable);
	assert_int_equal(settings.profit_guard.scans, 5);
	assert_int_equal(settings.profit_guard.pause, 7);
	assert_int_equal(settings.profit_guard.pause_max, 9);
	ocfg_settings_done(&settings);
	/* The longest pause is not shorter than the first. */
	settings = parse("{\"profit_guard\":{\"pause\":100000}}", &notes);
	assert_int_equal(notes.count, 0);
	assert_false(settings.profit_guard.enable);
	assert_int_equal(settings.profit_guard.pause_max, 100000);
	ocfg_settings_done(&settings);
}

static void reads_blocks_of_the_hosts_ksm(void **state)
{
	struct ocfg_notes notes = {0};
	struct ocfg_settings settings = parse(
		"{\"ksm\":{\"scan_time\":1,\"cpu\":2,\"pages_to_scan\":3,\"sleep_millisecs\":0,"
		"\"smart_scan\":true,\"use_zero_pages\":1,\"max_page_sharing\":4,"
		"\"merge_across_nodes\":false},\"boost\":true,\"pressure\":{\"stall\":3}}",
		&notes);
	const struct ocfg_ksm *ksm = &settings.ksm.ksm;

	(void)state;
	assert_int_equal(notes.count, 0);
	assert_int_equal(ksm->scan_time, 1);
	assert_int_equal(ksm->cpu, 2);
	assert_int_equal(ksm->pages_to_scan, 3);
	assert_int_equal(ksm->sleep_millisecs, 0);
	assert_int_equal(ksm->smart_scan, 1);
	assert_int_equal(ksm->use_zero_pages, 1);
	assert_int_equal(ksm->max_page_sharing, 4);
	assert_int_equal(ksm->merge_across_nodes, 0);
	assert_true(settings.ksm.boost.on);
	assert_int_equal(settings.ksm.boost.cpu, 50);
	assert_int_equal(settings.ksm.boost.seconds, 60);
	assert_true(settings.ksm.pressure.on);
	assert_int_equal(settings.ksm.pressure.available, 0);
	assert_int_equal(settings.ksm.pressure.stall, 3);
	ocfg_settings_done(&settings);
	settings = parse("{\"boost\":{\"seconds\":5},\"pressure\":{\"available\":20}}", &notes);
	assert_true(settings.ksm.boost.on);
	assert_int_equal(settings.ksm.boost.cpu, 50);
	assert_int_equal(settings.ksm.boost.seconds, 5);
	assert_int_equal(settings.ksm.pressure.available, 20);
	ocfg_settings_done(&settings);
	settings = parse("{\"boost\":false}", &notes);
	assert_false(settings.ksm.boost.on);
	assert_int_equal(notes.count, 0);
	ocfg_settings_done(&settings);
}

static const struct {
	const char *text, *words;
} misunderstood[] = {
	{"{\"enabled\":1}", "unknown member \"enabled\", ignoring"},
	{"{\"enable\":\"yes\"}", "enable: neither \"annotated\" nor \"all\""},
	{"{\"enable\":true}", "enable: value: boolean instead of string, using the default"},
	{"{\"mode\":\"fast\"}", "mode: unknown mode \"fast\", using the default"},
	{"{\"mode\":[]}", "mode: value: array instead of string"},
	{"{\"mode\":null}", "mode: value: null instead of string"},
	{"{\"min_size\":-1}", "min_size: \"-1\" is no size"},
	{"{\"min_size\":1.5}", "min_size: neither a number nor a string"},
	{"{\"min_size\":\"4X\"}", "min_size: \"4X\" is no size"},
	{"{\"min_size\":\"99999999999G\"}", "min_size: size \"99999999999G\""},
	{"{\"preload_dir\":\"opt\"}", "preload_dir: not an absolute path"},
	{"{\"preload_dir\":\"\"}", "preload_dir: not an absolute path"},
	{"{\"preload_dir\":7}", "preload_dir: value: int instead of string"},
	{"{\"state_dir\":\"../x\"}", "state_dir: not an absolute path"},
	{"{\"notify_socket\":\"x\"}", "notify_socket: not an absolute path"},
	{"{\"notify_brk\":1}", "notify_brk: value: int"},
	{"{\"profit_guard\":true}", "profit_guard: value: boolean instead of object"},
	{"{\"profit_guard\":{\"enable\":1}}", "profit_guard: enable: int instead"},
	{"{\"profit_guard\":{\"enable\":true,\"scan\":3}}",
	 "profit_guard: unknown member \"scan\", using the default"},
	{"{\"profit_guard\":{\"enable\":true,\"scans\":0}}", "profit_guard: scans: not 1 to 1000"},
	{"{\"profit_guard\":{\"enable\":true,\"pause\":-1}}", "profit_guard: pause: "},
	{"{\"state_dir\":null}", "state_dir: value: null"},
	{"{\"log\":\"journal\"}", "log: neither \"auto\" nor"},
	{"{\"log\":\"file:x\"}", "log: neither \"auto\" nor"},
	{"{\"log\":1}", "log: value: int"},
	{"{\"domain\":\"\"}", "domain: not 1 to 63 of"},
	{"{\"domain\":\"a/b\"}", "domain: not 1 to 63 of"},
	{"{\"domain\":1}", "domain: value: int"},
	{"{\"domain_from\":\"label\"}", "domain_from: not \"namespace\""},
	{"{\"domain_from\":true}", "domain_from: value: boolean"},
	{"{\"layout_shared\":\"no\"}", "layout_shared: value: string"},
	{"{\"ksm\":true}", "ksm: value: boolean instead of object"},
	{"{\"ksm\":{\"cpu\":10,\"run\":1}}", "ksm: unknown member \"run\""},
	{"{\"ksm\":{\"scan_time\":9,\"cpu\":\"10\"}}", "ksm: cpu: not a number"},
	{"{\"ksm\":{\"cpu\":101}}", "ksm: cpu: not from 1 to 100"},
	{"{\"ksm\":{\"smart_scan\":2}}", "ksm: smart_scan: not from 0 to 1"},
	{"{\"ksm\":{\"use_zero_pages\":\"\"}}", "use_zero_pages: neither true nor false"},
	{"{\"boost\":1}", "boost: value: int instead of object"},
	{"{\"boost\":{\"cpu\":0}}", "boost: cpu: not from 1 to 95"},
	{"{\"pressure\":true}", "pressure: value: boolean instead of object"},
	{"{\"pressure\":{}}", "pressure: neither available nor stall"},
	{"{\"pressure\":{\"available\":101}}", "pressure: available: not from 1 to 100"},
	{"{\"runtimes\":\"crun\"}", "runtimes: value: string instead of array"},
	{"{\"runtimes\":[]}", "runtimes: not 1 to 16 names"},
	{"{\"runtimes\":[\"a\",\"\"]}", "runtimes: an empty name"},
	{"{\"runtimes\":[\"a\",1]}", "runtimes: item: int instead of string"},
	{"{\"runtimes\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\","
	 "\"11\","
	 "\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"]}",
	 "runtimes: not 1 to 16 names"},
};

static void notes_what_it_does_not_understand(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(misunderstood); i++) {
		struct ocfg_notes notes = {0};
		struct ocfg_settings settings = parse(misunderstood[i].text, &notes);

		assert_int_equal(notes.count, 1);
		if (!strstr(notes.text[0], misunderstood[i].words))
			fail_msg("\"%s\" lacks \"%s\"", notes.text[0], misunderstood[i].words);
		assert_defaults(&settings);
		ocfg_settings_done(&settings);
	}
}

static void goes_on_after_a_bad_member(void **state)
{
	struct ocfg_notes notes = {0};
	struct ocfg_settings settings =
		parse("{\"log\":7,\"enable\":\"all\",\"x\":{},\"state_dir\":\"/s\"}", &notes);

	(void)state;
	assert_int_equal(notes.count, 2);
	assert_int_equal(settings.enable, OCFG_ENABLE_ALL);
	assert_string_equal(settings.state_dir, "/s");
	ocfg_settings_done(&settings);
}

static void refuses_what_is_no_object(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"", "a value is missing"},
		{"[]", "settings: array instead of object"},
		{"{\"enable\":\"all\"", "a comma or a closing bracket"},
		{"{\"enable\":\"all\",\"enable\":\"none\"}", "two members of the same name"},
	};
	struct ocfg_settings settings;
	struct ocfg_notes notes = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_error(ocfg_settings_parse(cases[i].text, strlen(cases[i].text), &settings,
						 &notes, &err),
			     EINVAL, cases[i].words);
}

static void loads_a_file_or_gives_the_defaults(void **state)
{
	char *folder = temporary_make(), path[4096];
	struct ocfg_settings settings;
	struct ocfg_notes notes = {0};

	(void)state;
	snprintf(path, sizeof(path), "%s/oci-ksm.json", folder);
	assert_ok(ocfg_settings_load(path, &settings, &notes, &err));
	assert_defaults(&settings);
	ocfg_settings_done(&settings);

	assert_ok(ocfg_file_replace(AT_FDCWD, path, "{\"enable\":\"all\"}", 16, &err));
	assert_ok(ocfg_settings_load(path, &settings, &notes, &err));
	assert_int_equal(settings.enable, OCFG_ENABLE_ALL);
	ocfg_settings_done(&settings);

	assert_int_equal(setenv("OCI_KSM_SETTINGS", path, 1), 0);
	assert_ok(ocfg_settings_load(NULL, &settings, &notes, &err));
	assert_int_equal(settings.enable, OCFG_ENABLE_ALL);
	ocfg_settings_done(&settings);
	assert_int_equal(unsetenv("OCI_KSM_SETTINGS"), 0);

	assert_ok(ocfg_file_replace(AT_FDCWD, path, "{\"enable\"}", 10, &err));
	assert_error(ocfg_settings_load(path, &settings, &notes, &err), EINVAL,
		     "oci-ksm.json: line 1, column 10");
	assert_defaults(&settings);
	ocfg_settings_done(&settings);

	assert_error(ocfg_settings_load(folder, &settings, &notes, &err), EINVAL,
		     "not a regular file");
	assert_defaults(&settings);
	ocfg_settings_done(&settings);

	assert_int_equal(truncate(path, 100 << 20), 0);
	assert_error(ocfg_settings_load(path, &settings, &notes, &err), EFBIG, "104857600 bytes");
	assert_defaults(&settings);
	ocfg_settings_done(&settings);
	assert_int_equal(notes.count, 0);
	temporary_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_defaults),
		cmocka_unit_test(reads_every_key),
		cmocka_unit_test(reads_the_profit_guard),
		cmocka_unit_test(reads_blocks_of_the_hosts_ksm),
		cmocka_unit_test(notes_what_it_does_not_understand),
		cmocka_unit_test(goes_on_after_a_bad_member),
		cmocka_unit_test(refuses_what_is_no_object),
		cmocka_unit_test(loads_a_file_or_gives_the_defaults),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
