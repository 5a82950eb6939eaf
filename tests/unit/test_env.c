/* SPDX-License-Identifier: Apache-2.0 */
/* process.env: reading, setting, and LD_PRELOAD-like lists that come back as they were. */
#include "oci-config/env.h"
#include "tests/unit/unit.h"

#define OURS "/dev/oci-ksm/$LIB/libksm_preload.so"

static void takes_the_last_of_several(void **state)
{
	cleanup_json json_object *env =
		json_of("[\"A=1\",\"AB=2\",\"A\",\"A=3=4\",\"B=\",\"=x\",\"\"]");

	(void)state;
	assert_string_equal(ocfg_env_get(env, "A"), "3=4");
	assert_string_equal(ocfg_env_get(env, "AB"), "2");
	assert_string_equal(ocfg_env_get(env, "B"), "");
	assert_null(ocfg_env_get(env, "C"));
	assert_null(ocfg_env_get(NULL, "A"));
}

static void sets_in_place_and_collapses_duplicates(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"[]", "[\"A=x\"]"},
		{"[\"B=1\"]", "[\"B=1\",\"A=x\"]"},
		{"[\"A=1\",\"B=2\"]", "[\"A=x\",\"B=2\"]"},
		{"[\"A=1\",\"B=2\",\"A=3\",\"C=4\"]", "[\"B=2\",\"A=x\",\"C=4\"]"},
		{"[\"A=1\",\"A=2\",\"A=3\"]", "[\"A=x\"]"},
		{"[\"A\",\"AA=1\"]", "[\"A\",\"AA=1\",\"A=x\"]"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		cleanup_json json_object *env = json_of(cases[i].before);

		assert_ok(ocfg_env_set(env, "A", "x", &err));
		assert_prints(env, cases[i].after);
	}
}

static void removes_all_of_a_name(void **state)
{
	cleanup_json json_object *env = json_of("[\"A=1\",\"A\",\"AB=2\",\"A=3\",\"A=\"]");

	(void)state;
	assert_ok(ocfg_env_unset(env, "A", &err));
	assert_prints(env, "[\"A\",\"AB=2\"]");
	assert_ok(ocfg_env_unset(env, "A", &err));
	assert_prints(env, "[\"A\",\"AB=2\"]");
}

/* Adding gives `after`, adding again changes nothing, removing gives `before` again. */
static void adds_to_lists_and_takes_back(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"[]", "[\"LD_PRELOAD=" OURS "\"]"},
		{"[\"B=1\"]", "[\"B=1\",\"LD_PRELOAD=" OURS "\"]"},
		{"[\"LD_PRELOAD=\"]", "[\"LD_PRELOAD=:" OURS "\"]"},
		{"[\"LD_PRELOAD=:\"]", "[\"LD_PRELOAD=::" OURS "\"]"},
		{"[\"LD_PRELOAD= \"]", "[\"LD_PRELOAD= :" OURS "\"]"},
		{"[\"LD_PRELOAD=a\",\"B=1\"]", "[\"LD_PRELOAD=a:" OURS "\",\"B=1\"]"},
		{"[\"LD_PRELOAD=a:b c \"]", "[\"LD_PRELOAD=a:b c :" OURS "\"]"},
		{"[\"LD_PRELOAD=a::\"]", "[\"LD_PRELOAD=a:::" OURS "\"]"},
		{"[\"LD_PRELOAD=" OURS ".1:/x" OURS "\"]",
		 "[\"LD_PRELOAD=" OURS ".1:/x" OURS ":" OURS "\"]"},
		{"[\"LD_PRELOAD=" OURS "\",\"LD_PRELOAD=b\"]",
		 "[\"LD_PRELOAD=" OURS "\",\"LD_PRELOAD=b:" OURS "\"]"},
		{"[\"LD_PRELOAD=a\",\"LD_PRELOAD=\",\"C=1\"]",
		 "[\"LD_PRELOAD=a\",\"LD_PRELOAD=:" OURS "\",\"C=1\"]"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		cleanup_json json_object *env = json_of(cases[i].before);

		assert_false(ocfg_env_list_has(env, "LD_PRELOAD", OURS));
		assert_ok(ocfg_env_list_add(env, "LD_PRELOAD", OURS, &err));
		assert_prints(env, cases[i].after);
		assert_true(ocfg_env_list_has(env, "LD_PRELOAD", OURS));
		assert_ok(ocfg_env_list_add(env, "LD_PRELOAD", OURS, &err));
		assert_prints(env, cases[i].after);
		assert_ok(ocfg_env_list_remove(env, "LD_PRELOAD", OURS, &err));
		assert_prints(env, cases[i].before);
		assert_ok(ocfg_env_list_remove(env, "LD_PRELOAD", OURS, &err));
		assert_prints(env, cases[i].before);
	}
}

static void removes_from_anywhere(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"[\"L=x:a\"]", "[\"L=a\"]"},
		{"[\"L=a x:b\"]", "[\"L=a:b\"]"},
		{"[\"L=a:x b\"]", "[\"L=a b\"]"},
		{"[\"L=x \"]", "[\"L=\"]"},
		{"[\"L=x:a:x\"]", "[\"L=x:a\"]"},
		{"[\"L=xx:ax\"]", "[\"L=xx:ax\"]"},
		{"[\"L=x\"]", "[]"},
		{"[]", "[]"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		cleanup_json json_object *env = json_of(cases[i].before);

		assert_ok(ocfg_env_list_remove(env, "L", "x", &err));
		assert_prints(env, cases[i].after);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_the_last_of_several),
		cmocka_unit_test(sets_in_place_and_collapses_duplicates),
		cmocka_unit_test(removes_all_of_a_name),
		cmocka_unit_test(adds_to_lists_and_takes_back),
		cmocka_unit_test(removes_from_anywhere),
	};

	return cmocka_run_group_tests_name("env", tests, NULL, NULL);
}
