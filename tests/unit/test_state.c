/* SPDX-License-Identifier: Apache-2.0 */
/* The OCI state that hooks get, and the records of what we did. */
#include <errno.h>
#include <sys/stat.h>

#include "oci-config/file.h"
#include "oci-config/mode.h"
#include "oci-config/state.h"
#include "tests/unit/unit.h"

static void reads_what_runtimes_send(void **state)
{
	/* As crun and runc write it; runc has no "root". */
	static const char crun[] =
		"{ \"ociVersion\": \"1.0\", \"id\": \"c1\", \"pid\": 4711,"
		" \"root\": \"rootfs\", \"bundle\": \"/b\", \"status\": \"created\" }";
	static const char runc[] = "{\"ociVersion\":\"1.0.2-dev\",\"id\":\"c2\",\"status\":"
				   "\"creating\",\"pid\":1,\"bundle\":\"/b/c\",\"annotations\":{}}";
	static const char stopped[] = "{\"id\":\"c3\",\"status\":\"stopped\",\"bundle\":\"/b\"}";
	struct ocfg_oci_state oci;

	(void)state;
	assert_ok(ocfg_oci_state_parse(crun, strlen(crun), &oci, &err));
	assert_string_equal(oci.id, "c1");
	assert_string_equal(oci.bundle, "/b");
	assert_string_equal(oci.root, "rootfs");
	assert_int_equal(oci.pid, 4711);
	ocfg_oci_state_done(&oci);
	assert_null(oci.id);
	assert_ok(ocfg_oci_state_parse(runc, strlen(runc), &oci, &err));
	assert_null(oci.root);
	assert_int_equal(oci.pid, 1);
	ocfg_oci_state_done(&oci);
	assert_ok(ocfg_oci_state_parse(stopped, strlen(stopped), &oci, &err));
	assert_int_equal(oci.pid, 0);
	ocfg_oci_state_done(&oci);
}

static void names_what_is_wrong_in_a_state(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"", "container state: line 1, column 1: a value is missing"},
		{"[]", "container state: document: array instead of object"},
		{"{\"bundle\":\"/b\"}", "container state: id: missing"},
		{"{\"id\":\"\",\"bundle\":\"/b\"}", "id: missing"},
		{"{\"id\":7,\"bundle\":\"/b\"}", "id: int instead of string"},
		{"{\"id\":\"x\"}", "bundle: not an absolute path"},
		{"{\"id\":\"x\",\"bundle\":\"b\"}", "bundle: not an absolute path"},
		{"{\"id\":\"x\",\"bundle\":{}}", "bundle: object instead of string"},
		{"{\"id\":\"x\",\"bundle\":\"/b\",\"root\":1}", "root: int instead of string"},
		{"{\"id\":\"x\",\"bundle\":\"/b\",\"pid\":\"1\"}", "pid: string instead of int"},
		{"{\"id\":\"x\",\"bundle\":\"/b\",\"pid\":-1}", "pid: -1 is none"},
		{"{\"id\":\"x\",\"bundle\":\"/b\",\"pid\":2147483648}", "pid: 2147483648 is none"},
		{"{\"id\":\"x\",\"bundle\":\"/b\",\"pid\":18446744073709551615}", "pid: too large"},
		{"{\"id\":\"x\",\"bundle\":\"/b\",\"pid\":1.0}", "pid: double instead of int"},
		{"{\"id\":\"x\",\"id\":\"y\",\"bundle\":\"/b\"}", "two members of the same name"},
	};
	struct ocfg_oci_state oci;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_error(ocfg_oci_state_parse(cases[i].text, strlen(cases[i].text), &oci, &err),
			     EINVAL, cases[i].words);
}

static void takes_only_ids_that_are_file_names(void **state)
{
	char longest[OCFG_ID_MAX + 2];

	(void)state;
	assert_true(ocfg_id_is_valid("a"));
	assert_true(ocfg_id_is_valid("A-z_0.9+x"));
	assert_true(ocfg_id_is_valid("..."));
	assert_false(ocfg_id_is_valid(""));
	assert_false(ocfg_id_is_valid("."));
	assert_false(ocfg_id_is_valid(".."));
	assert_false(ocfg_id_is_valid("../x"));
	assert_false(ocfg_id_is_valid("a/b"));
	assert_false(ocfg_id_is_valid("a b"));
	assert_false(ocfg_id_is_valid("\xc3\xa9"));
	assert_false(ocfg_id_is_valid("a\n"));
	memset(longest, 'x', sizeof(longest));
	longest[OCFG_ID_MAX + 1] = '\0';
	assert_false(ocfg_id_is_valid(longest));
	longest[OCFG_ID_MAX] = '\0';
	assert_true(ocfg_id_is_valid(longest));
}

static char full_text[] =
	"{\"id\":\"c1\",\"source\":\"hook\",\"mode\":\"preload,notify\",\"reason\":\"because\","
	"\"bundle\":\"/b\",\"shim_target\":\"/dev/"
	"oci-ksm\",\"min_size\":65536,\"required\":true,\"pid\":4711,"
	"\"start_time\":18446744073709551615,\"pid_file\":\"/p\",\"starter\":12,"
	"\"starter_start_time\":13,\"starter_until\":14,\"domain\":\"a\",\"layout_shared\":true,"
	"\"root\":\"/r\","
	"\"made_ld_so_preload\":true,\"made_dev\":1,\"made_ino\":9223372036854775808}";

static void saves_and_loads_records(void **state)
{
	const struct folder *folder = *state;
	struct ocfg_record record, loaded;
	cleanup_free char *text = NULL;
	struct stat st;
	size_t len = 0;

	assert_ok(ocfg_file_replace(folder->fd, "c1.json", full_text, strlen(full_text), &err));
	assert_ok(ocfg_record_load(folder->fd, "c1", &record, &err));
	assert_string_equal(record.id, "c1");
	assert_string_equal(record.source, "hook");
	assert_int_equal(record.modes, OCFG_MODE_PRELOAD | OCFG_MODE_NOTIFY);
	assert_string_equal(record.reason, "because");
	assert_string_equal(record.bundle, "/b");
	assert_string_equal(record.shim_target, "/dev/oci-ksm");
	assert_int_equal(record.min_size, 65536);
	assert_true(record.required);
	assert_int_equal(record.pid, 4711);
	assert_true(record.start_time == UINT64_MAX);
	assert_string_equal(record.pid_file, "/p");
	assert_int_equal(record.starter, 12);
	assert_int_equal(record.starter_start_time, 13);
	assert_int_equal(record.starter_until, 14);
	assert_string_equal(record.domain, "a");
	assert_true(record.layout_shared);
	assert_string_equal(record.root, "/r");
	assert_true(record.made_ld_so_preload);
	assert_int_equal(record.made_dev, 1);
	assert_true(record.made_ino == (uint64_t)1 << 63);

	assert_ok(ocfg_record_remove(folder->fd, "c1", &err));
	assert_error(ocfg_record_load(folder->fd, "c1", &loaded, &err), ENOENT, "open c1.json");
	assert_ok(ocfg_record_save(folder->fd, &record, &err));
	ocfg_record_done(&record);
	assert_null(record.id);
	assert_ok(ocfg_file_read(folder->fd, "c1.json", 1000, &text, &len, &err));
	assert_string_equal(text, full_text);
	assert_int_equal(fstatat(folder->fd, "c1.json", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void leaves_out_what_is_not_known(void **state)
{
	const struct folder *folder = *state;
	char id[] = "c2";
	const struct ocfg_record record = {.id = id};
	struct ocfg_record loaded;
	cleanup_free char *text = NULL;
	size_t len = 0;

	assert_ok(ocfg_record_save(folder->fd, &record, &err));
	assert_ok(ocfg_file_read(folder->fd, "c2.json", 1000, &text, &len, &err));
	assert_string_equal(text, "{\"id\":\"c2\",\"mode\":\"off\"}");
	assert_ok(ocfg_record_load(folder->fd, "c2", &loaded, &err));
	assert_null(loaded.root);
	assert_int_equal(loaded.pid, 0);
	assert_false(loaded.made_ld_so_preload);
	ocfg_record_done(&loaded);
}

static void refuses_ids_that_lead_elsewhere(void **state)
{
	const struct folder *folder = *state;
	char id[] = "../c";
	struct ocfg_record record = {.id = id};

	assert_error(ocfg_record_save(folder->fd, &record, &err), EINVAL,
		     "\"../c\" is no file name");
	assert_error(ocfg_record_load(folder->fd, id, &record, &err), EINVAL, "is no file name");
	assert_error(ocfg_record_remove(folder->fd, id, &err), EINVAL, "is no file name");
	record.id = NULL;
	assert_error(ocfg_record_save(folder->fd, &record, &err), EINVAL, "is no file name");
	record.id = id + 3;
	record.pid = -1;
	assert_error(ocfg_record_save(folder->fd, &record, &err), EINVAL, "pid -1");
	assert_ok(ocfg_record_remove(folder->fd, "never-there", &err));
}

static void names_what_is_wrong_in_a_record(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"", "record c.json: line 1"},
		{"7", "record c.json: document: int instead of object"},
		{"{}", "id: not the file's"},
		{"{\"id\":\"d\"}", "id: not the file's"},
		{"{\"id\":\"c\",\"source\":1}", "source: int instead of string"},
		{"{\"id\":\"c\",\"mode\":\"x\"}", "unknown mode \"x\""},
		{"{\"id\":\"c\",\"mode\":1}", "mode: int instead of string"},
		{"{\"id\":\"c\",\"pid\":-1}", "pid: negative"},
		{"{\"id\":\"c\",\"pid\":2147483648}", "pid: too large"},
		{"{\"id\":\"c\",\"start_time\":\"1\"}", "start_time: string instead of int"},
		{"{\"id\":\"c\",\"made_ld_so_preload\":1}", "made_ld_so_preload: int instead"},
		{"{\"id\":\"c\",\"made_dev\":1.5}", "made_dev: double instead"},
	};
	const struct folder *folder = *state;
	struct ocfg_record record;

	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_ok(ocfg_file_replace(folder->fd, "c.json", cases[i].text,
					    strlen(cases[i].text), &err));
		assert_error(ocfg_record_load(folder->fd, "c", &record, &err), EINVAL,
			     cases[i].words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_runtimes_send),
		cmocka_unit_test(names_what_is_wrong_in_a_state),
		cmocka_unit_test(takes_only_ids_that_are_file_names),
		cmocka_unit_test_setup_teardown(saves_and_loads_records, folder_set_up,
						folder_tear_down),
		cmocka_unit_test_setup_teardown(leaves_out_what_is_not_known, folder_set_up,
						folder_tear_down),
		cmocka_unit_test_setup_teardown(refuses_ids_that_lead_elsewhere, folder_set_up,
						folder_tear_down),
		cmocka_unit_test_setup_teardown(names_what_is_wrong_in_a_record, folder_set_up,
						folder_tear_down),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
