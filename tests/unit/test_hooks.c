/* SPDX-License-Identifier: Apache-2.0 */
/* hooks of config.json: adding, finding and taking back. */
#include "oci-config/hooks.h"
#include "tests/unit/unit.h"

#define PATH  "/usr/bin/oci-ksm-hook"
#define OURS  "{\"path\":\"" PATH "\",\"args\":[\"oci-ksm-hook\",\"poststop\"]}"
#define OTHER "{\"path\":\"/x\",\"timeout\":3}"

static void adds_and_takes_back(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"{\"hooks\":{\"poststop\":[" OTHER "]}}",
		 "{\"hooks\":{\"poststop\":[" OTHER "," OURS "]}}"},
		{"{\"hooks\":{\"poststop\":[]}}", "{\"hooks\":{\"poststop\":[" OURS "]}}"},
		{"{\"hooks\":{\"prestart\":[" OTHER "]}}",
		 "{\"hooks\":{\"prestart\":[" OTHER "],\"poststop\":[" OURS "]},"
		 "\"oci-ksm-edits\":[\"hooks.poststop made\"]}"},
		{"{\"hooks\":{\"poststop\":null,\"z\":1}}",
		 "{\"hooks\":{\"poststop\":[" OURS "],\"z\":1},"
		 "\"oci-ksm-edits\":[\"hooks.poststop was null\"]}"},
		{"{\"hooks\":{}}", "{\"hooks\":{\"poststop\":[" OURS "]},"
				   "\"oci-ksm-edits\":[\"hooks.poststop made\"]}"},
		{"{\"hooks\":null,\"a\":1}",
		 "{\"hooks\":{\"poststop\":[" OURS "]},\"a\":1,"
		 "\"oci-ksm-edits\":[\"hooks was null\",\"hooks.poststop made\"]}"},
		{"{}", "{\"hooks\":{\"poststop\":[" OURS "]},"
		       "\"oci-ksm-edits\":[\"hooks made\",\"hooks.poststop made\"]}"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ocfg_spec spec = config_of(cases[i].before);

		assert_false(ocfg_hooks_has(&spec, "poststop", PATH));
		assert_ok(ocfg_hooks_add(&spec, "poststop", PATH, "poststop", NULL, &err));
		assert_true(ocfg_hooks_has(&spec, "poststop", PATH));
		assert_prints(spec.doc, cases[i].after);
		assert_ok(ocfg_hooks_add(&spec, "poststop", PATH, "poststop", NULL, &err));
		assert_prints(spec.doc, cases[i].after);
		assert_ok(ocfg_hooks_remove(&spec, "poststop", PATH, &err));
		assert_prints(spec.doc, cases[i].before);
		assert_ok(ocfg_hooks_remove(&spec, "poststop", PATH, &err));
		assert_prints(spec.doc, cases[i].before);
		ocfg_spec_done(&spec);
	}
}

static void tells_hooks_by_path_and_argument(void **state)
{
	struct ocfg_spec spec = config_of("{\"hooks\":{\"poststop\":[{\"path\":\"" PATH "\"},"
					  "{},{\"args\":[\"a\",\"poststop\"]}]}}");

	(void)state;
	assert_false(ocfg_hooks_has(&spec, "prestart", PATH));
	assert_false(ocfg_hooks_has(&spec, "poststop", "/x"));
	assert_ok(ocfg_hooks_add(&spec, "poststop", PATH, "poststop", "A=b", &err));
	assert_ok(ocfg_hooks_add(&spec, "poststop", PATH, "prestart", NULL, &err));
	assert_ok(ocfg_hooks_add(&spec, "poststop", PATH, "poststop", NULL, &err));
	assert_prints(spec.doc,
		      "{\"hooks\":{\"poststop\":[{\"path\":\"" PATH "\"},"
		      "{},{\"args\":[\"a\",\"poststop\"]},"
		      "{\"path\":\"" PATH "\",\"args\":[\"oci-ksm-hook\",\"poststop\"],"
		      "\"env\":[\"A=b\"]},"
		      "{\"path\":\"" PATH "\",\"args\":[\"oci-ksm-hook\",\"prestart\"]}]}}");
	assert_ok(ocfg_hooks_remove(&spec, "poststop", PATH, &err));
	assert_prints(spec.doc, "{\"hooks\":{\"poststop\":[{},{\"args\":[\"a\",\"poststop\"]}]}}");
	ocfg_spec_done(&spec);
}

static void finds_no_hooks_in_process_json(void **state)
{
	struct ocfg_spec spec = spec_of(OCFG_SPEC_PROCESS, "{\"hooks\":7}");

	(void)state;
	assert_false(ocfg_hooks_has(&spec, "poststop", PATH));
	assert_ok(ocfg_hooks_remove(&spec, "poststop", PATH, &err));
	assert_prints(spec.doc, "{\"hooks\":7}");
	ocfg_spec_done(&spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_and_takes_back),
		cmocka_unit_test(tells_hooks_by_path_and_argument),
		cmocka_unit_test(finds_no_hooks_in_process_json),
	};

	return cmocka_run_group_tests_name("hooks", tests, NULL, NULL);
}
