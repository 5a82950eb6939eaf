/* SPDX-License-Identifier: Apache-2.0 */
/* The container process state, as runtimes send it, and as nobody should. */
#include <errno.h>

#include "oci-config/process_state.h"
#include "tests/unit/unit.h"

static struct ocfg_process_state state_of(const char *text)
{
	struct ocfg_process_state state;

	assert_ok(ocfg_process_state_parse(text, strlen(text), &state, &err));
	return state;
}

static void reads_what_crun_sends(void **state)
{
	/* 1.8.1: of a container's start, and of exec. */
	static const char create[] =
		"{\n    \"ociVersion\": \"0.2.0\",\n    \"fds\": [\n        \"seccompFd\"\n    ],\n"
		"    \"pid\": 14494,\n    \"metadata\": \"oci-ksm min-size=65536\",\n"
		"    \"state\": {\n        \"ociVersion\": \"0.2.0\",\n        \"id\": \"c1\",\n"
		"        \"status\": \"creating\",\n        \"pid\": 14494,\n"
		"        \"bundle\": \"/b\"\n    }\n}\n";
	static const char exec[] =
		"{\n    \"ociVersion\": \"0.2.0\",\n    \"fds\": [\n        \"seccompFd\"\n    ],\n"
		"    \"pid\": 0,\n    \"metadata\": \"oci-ksm min-size=131072 sync\",\n"
		"    \"state\": {\n        \"ociVersion\": \"0.2.0\",\n        \"id\": \"c1\",\n"
		"        \"status\": \"running\",\n        \"pid\": 0,\n"
		"        \"bundle\": \".\"\n    }\n}\n";
	struct ocfg_process_state got = state_of(create);

	(void)state;
	assert_string_equal(got.id, "c1");
	assert_int_equal(got.pid, 14494);
	assert_int_equal(got.fds, 1);
	assert_int_equal(got.seccomp_fd, 0);
	assert_int_equal(got.notify.min_size, 65536);
	got = state_of(exec);
	assert_int_equal(got.pid, 0);
	assert_int_equal(got.notify.min_size, 131072);
	assert_true(got.notify.sync);
}

static void reads_what_runc_sends(void **state)
{
	/* 1.1.5: the process is not the container's first in exec. */
	static const char exec[] =
		"{\"ociVersion\":\"1.0.2-dev\",\"fds\":[\"seccompFd\"],\"pid\":14533,"
		"\"metadata\":\"oci-ksm min-size=65536\",\"state\":{\"ociVersion\":\"1.0.2-dev\","
		"\"id\":\"c2\",\"status\":\"running\",\"pid\":14516,\"bundle\":\"/b\","
		"\"annotations\":{\"oci-ksm/mode\":\"notify\"}}}";
	struct ocfg_process_state got = state_of(exec);

	(void)state;
	assert_string_equal(got.id, "c2");
	assert_int_equal(got.pid, 14533);
}

static void finds_the_listener_among_descriptors(void **state)
{
	struct ocfg_process_state got =
		state_of("{\"ociVersion\":\"1\",\"fds\":[\"a\",\"b\",\"seccompFd\",\"c\"],"
			 "\"state\":{\"id\":\"x\"}}");

	(void)state;
	assert_int_equal(got.fds, 4);
	assert_int_equal(got.seccomp_fd, 2);
	assert_int_equal(got.pid, 0);
	assert_int_equal(got.notify.min_size, OCFG_NOTIFY_MIN_SIZE);
}

#define FDS "\"fds\":[\"seccompFd\"]"
#define TOP "{\"ociVersion\":\"1\"," FDS ","

static void names_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"", "process state: line 1, column 1"},
		{"null", "document: null instead of object"},
		{"{}", "ociVersion: missing"},
		{"{\"ociVersion\":1," FDS ",\"state\":{\"id\":\"x\"}}", "ociVersion: int"},
		{"{\"ociVersion\":\"\"," FDS ",\"state\":{\"id\":\"x\"}}", "ociVersion: missing"},
		{"{\"ociVersion\":\"1\",\"state\":{\"id\":\"x\"}}", "fds: 0 times \"seccompFd\""},
		{"{\"ociVersion\":\"1\",\"fds\":[],\"state\":{\"id\":\"x\"}}", "fds: 0 times"},
		{"{\"ociVersion\":\"1\",\"fds\":\"seccompFd\",\"state\":{\"id\":\"x\"}}",
		 "fds: string instead of array"},
		{"{\"ociVersion\":\"1\",\"fds\":[1,\"seccompFd\"],\"state\":{\"id\":\"x\"}}",
		 "fds: int instead of string"},
		{"{\"ociVersion\":\"1\",\"fds\":[\"seccompFd\",\"seccompFd\"],"
		 "\"state\":{\"id\":\"x\"}}",
		 "fds: 2 times"},
		{"{\"ociVersion\":\"1\",\"fds\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\","
		 "\"seccompFd\"],\"state\":{\"id\":\"x\"}}",
		 "fds: 9 of them"},
		{TOP "\"pid\":-1,\"state\":{\"id\":\"x\"}}", "pid: -1 is none"},
		{TOP "\"pid\":2147483648,\"state\":{\"id\":\"x\"}}", "pid: 2147483648 is none"},
		{TOP "\"pid\":\"1\",\"state\":{\"id\":\"x\"}}", "pid: string instead of int"},
		{TOP "\"pid\":1}", "state: missing"},
		{TOP "\"state\":\"x\"}", "state: string instead of object"},
		{TOP "\"state\":{}}", "state.id: not usable"},
		{TOP "\"state\":{\"id\":\"\"}}", "state.id: not usable"},
		{TOP "\"state\":{\"id\":\"../x\"}}", "state.id: not usable"},
		{TOP "\"state\":{\"id\":\"x\\ny\"}}", "state.id: not usable"},
		{TOP "\"state\":{\"id\":\"x\",\"pid\":-1}}", "pid: -1 is none"},
		{TOP "\"state\":{\"id\":\"x\",\"bundle\":1}}", "bundle: int instead of string"},
		{TOP "\"state\":{\"id\":\"x\",\"status\":[]}}", "status: array instead of string"},
		{TOP "\"state\":{\"id\":\"x\"},\"metadata\":{}}", "metadata: object"},
		{TOP "\"state\":{\"id\":\"x\"},\"metadata\":\"other\"}", "listenerMetadata"},
		{TOP "\"state\":{\"id\":\"x\"}} {}", "column"},
		{TOP "\"pid\":1,\"pid\":2,\"state\":{\"id\":\"x\"}}", "two members of the same"},
	};
	struct ocfg_process_state got = {.pid = 7};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_error(
			ocfg_process_state_parse(cases[i].text, strlen(cases[i].text), &got, &err),
			EINVAL, cases[i].words);
	assert_int_equal(got.pid, 7);
}

static void refuses_too_much(void **state)
{
	cleanup_free char *text = malloc(OCFG_PROCESS_STATE_MAX + 2);
	static const char start[] = TOP "\"state\":{\"id\":\"x\"}}";
	struct ocfg_process_state got;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', OCFG_PROCESS_STATE_MAX + 2);
	memcpy(text, start, sizeof(start) - 1);
	assert_ok(ocfg_process_state_parse(text, OCFG_PROCESS_STATE_MAX, &got, &err));
	assert_error(ocfg_process_state_parse(text, OCFG_PROCESS_STATE_MAX + 1, &got, &err), EINVAL,
		     "1048577 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_crun_sends),
		cmocka_unit_test(reads_what_runc_sends),
		cmocka_unit_test(finds_the_listener_among_descriptors),
		cmocka_unit_test(names_what_is_wrong),
		cmocka_unit_test(refuses_too_much),
	};

	return cmocka_run_group_tests_name("process_state", tests, NULL, NULL);
}
