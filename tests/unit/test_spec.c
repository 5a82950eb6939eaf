/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.json and process.json: every member that is read has its type checked; the rest survives.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static const struct {
	const char *text, *words;
} refused[] = {
	{"[]", "config.json: document: array instead of object"},
	{"null", "config.json: document: null instead of object"},
	{"{\"process\":[]}", "process: array instead of object"},
	{"{\"process\":{\"env\":{}}}", "process: env: object instead of array"},
	{"{\"process\":{\"env\":[\"A=1\",2]}}", "process: env[1]: int instead of string"},
	{"{\"process\":{\"env\":[null]}}", "process: env[0]: null instead of string"},
	{"{\"root\":\"/\"}", "root: string instead of object"},
	{"{\"root\":{\"path\":1}}", "root: path: int instead of string"},
	{"{\"mounts\":{}}", "mounts: object instead of array"},
	{"{\"mounts\":[{},1]}", "mounts[1]: mount: int instead of object"},
	{"{\"mounts\":[null]}", "mounts[0]: mount: null instead of object"},
	{"{\"mounts\":[{\"destination\":1}]}", "mounts[0]: destination: int instead of string"},
	{"{\"mounts\":[{\"source\":[]}]}", "mounts[0]: source: array instead of string"},
	{"{\"mounts\":[{\"type\":{}}]}", "mounts[0]: type: object instead of string"},
	{"{\"mounts\":[{\"options\":\"ro\"}]}", "mounts[0]: options: string instead of array"},
	{"{\"mounts\":[{\"options\":[1]}]}", "mounts[0]: options[0]: int instead of string"},
	{"{\"hooks\":[]}", "hooks: array instead of object"},
	{"{\"hooks\":{\"poststop\":{}}}", "hooks: poststop: object instead of array"},
	{"{\"hooks\":{\"prestart\":[1]}}", "hooks: prestart[0]: hook: int instead of object"},
	{"{\"hooks\":{\"createRuntime\":[{\"path\":1}]}}", "createRuntime[0]: path: int instead"},
	{"{\"hooks\":{\"createContainer\":[{\"args\":1}]}}", "createContainer[0]: args: int inst"},
	{"{\"hooks\":{\"startContainer\":[{\"args\":[1]}]}}", "startContainer[0]: args[0]: int"},
	{"{\"hooks\":{\"poststart\":\"\"}}", "hooks: poststart: string instead of array"},
	{"{\"annotations\":[]}", "annotations: array instead of object"},
	{"{\"annotations\":{\"oci-ksm/required\":true}}",
	 "annotations: oci-ksm/required: boolean instead of string"},
	{"{\"oci-ksm-edits\":{}}", "oci-ksm-edits: object instead of array"},
	{"{\"oci-ksm-edits\":[7]}", "oci-ksm-edits[0]: int instead of string"},
	{"{\"a\":1,\"a\":2}", "config.json: an object has two members of the same name"},
	{"{", "config.json: line 1, column 2"},
};

static void names_the_member_of_a_wrong_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct ocfg_spec spec = {.doc = NULL};

		assert_error(ocfg_spec_parse(refused[i].text, strlen(refused[i].text),
					     OCFG_SPEC_CONFIG, &spec, &err),
			     EINVAL, refused[i].words);
		assert_null(spec.doc);
	}
}

static void checks_process_json(void **state)
{
	static const char *const bad = "{\"env\":[1]}";
	struct ocfg_spec spec = spec_of(OCFG_SPEC_PROCESS, "{\"env\":[\"A=1\"],\"mounts\":7,"
							   "\"annotations\":{\"k\":\"v\"},"
							   "\"root\":{\"path\":\"/\"}}");

	(void)state;
	assert_ptr_equal(ocfg_spec_process(&spec), spec.doc);
	assert_null(ocfg_spec_root_path(&spec));
	assert_null(ocfg_spec_annotation(&spec, "k"));
	assert_false(ocfg_spec_is_sandbox(&spec));
	ocfg_spec_done(&spec);
	assert_error(ocfg_spec_parse(bad, strlen(bad), OCFG_SPEC_PROCESS, &spec, &err), EINVAL,
		     "process.json: env[0]: int instead of string");
}

static void leaves_alone_what_nobody_reads(void **state)
{
	static const char text[] =
		"{\"zzz\":[1.0,{\"\":-1}],\"process\":{\"env\":null,\"args\":7},\"mounts\":null,"
		"\"root\":null,\"hooks\":{\"other\":7,\"poststop\":null},\"annotations\":null,"
		"\"linux\":{\"resources\":{\"devices\":\"\",\"x\":18446744073709551615}}}";
	struct ocfg_spec spec = config_of(text);

	(void)state;
	assert_prints(spec.doc, text);
	ocfg_spec_done(&spec);
	assert_null(spec.doc);
}

static void answers_what_is_asked(void **state)
{
	struct ocfg_spec full =
		config_of("{\"process\":{\"cwd\":\"/\"},\"root\":{\"path\":\"rootfs\"},"
			  "\"annotations\":{\"k\":\"v\"}}");
	struct ocfg_spec empty = config_of("{}");

	(void)state;
	assert_prints(ocfg_spec_process(&full), "{\"cwd\":\"/\"}");
	assert_string_equal(ocfg_spec_root_path(&full), "rootfs");
	assert_string_equal(ocfg_spec_annotation(&full, "k"), "v");
	assert_null(ocfg_spec_annotation(&full, "other"));
	assert_null(ocfg_spec_process(&empty));
	assert_null(ocfg_spec_root_path(&empty));
	assert_null(ocfg_spec_annotation(&empty, "k"));
	ocfg_spec_done(&full);
	ocfg_spec_done(&empty);
}

#define PODMAN "{\"annotations\":{\"io.container.manager\":\"libpod\"},"

static void knows_pause_containers(void **state)
{
	static const struct {
		const char *text;
		bool sandbox;
	} cases[] = {
		{"{\"annotations\":{\"io.kubernetes.cri.container-type\":\"sandbox\"}}", true},
		{"{\"annotations\":{\"io.kubernetes.cri-o.ContainerType\":\"sandbox\"}}", true},
		{"{\"annotations\":{\"io.kubernetes.cri.container-type\":\"container\"}}", false},
		{"{\"annotations\":{\"io.kubernetes.cri-o.ContainerType\":\"container\"}}", false},
		{"{\"annotations\":{\"other\":\"sandbox\"}}", false},
		{PODMAN "\"process\":{\"args\":[\"/catatonit\",\"-P\"]}}", true},
		{PODMAN "\"process\":{\"args\":[\"/catatonit\",\"--\",\"-P\"]}}", false},
		{PODMAN "\"process\":{\"args\":[\"/catatonit\",\"sh\"]}}", false},
		{PODMAN "\"process\":{\"args\":[]}}", false},
		{PODMAN "\"process\":{}}", false},
		{"{\"process\":{\"args\":[\"/catatonit\",\"-P\"]}}", false},
		{"{}", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ocfg_spec spec = config_of(cases[i].text);

		assert_int_equal(ocfg_spec_is_sandbox(&spec), cases[i].sandbox);
		ocfg_spec_done(&spec);
	}
}

static void loads_and_saves(void **state)
{
	char *path = temporary_make();
	cleanup_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct ocfg_spec spec = config_of("{ \"root\" : { \"path\" : \"/a/b\" } }"), again;

	(void)state;
	assert_error(ocfg_spec_load(dir, "config.json", OCFG_SPEC_CONFIG, &again, &err), ENOENT,
		     "open config.json");
	assert_ok(ocfg_spec_save(&spec, dir, "config.json", &err));
	assert_ok(ocfg_spec_load(dir, "config.json", OCFG_SPEC_CONFIG, &again, &err));
	assert_prints(again.doc, "{\"root\":{\"path\":\"/a/b\"}}");
	assert_error(ocfg_spec_save(&spec, dir, "none/config.json", &err), ENOENT, "create none/");
	ocfg_spec_done(&again);
	ocfg_spec_done(&spec);
	temporary_remove(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_member_of_a_wrong_type),
		cmocka_unit_test(checks_process_json),
		cmocka_unit_test(leaves_alone_what_nobody_reads),
		cmocka_unit_test(answers_what_is_asked),
		cmocka_unit_test(knows_pause_containers),
		cmocka_unit_test(loads_and_saves),
	};

	return cmocka_run_group_tests_name("spec", tests, NULL, NULL);
}
