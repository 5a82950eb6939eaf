/* SPDX-License-Identifier: Apache-2.0 */
/* Policy: the table of features and wishes, and the decision with its reason. */
#include "oci-config/policy.h"
#include "tests/unit/unit.h"

#define P OCFG_MODE_PRELOAD
#define N OCFG_MODE_NOTIFY
#define S OCFG_MODE_PROCESS
#define A OCFG_MODE_AUTO
#define F(k, p, n)                                        \
	{                                                 \
		.ksm = (k), .preload = (p), .notify = (n) \
	}

static const char not_asked[] = "merging was not asked for";
static const char no_ksm[] = "this kernel has no KSM (CONFIG_KSM)";
#define NO_SHIM	  "the preload shim is not installed or has no place in this container"
#define NO_WHOLE  "process is not possible: this kernel cannot make whole processes mergeable"
#define NO_HELPER "notify is not possible: oci-ksmd is not there"

static const struct {
	struct ocfg_features features;
	unsigned wished, chosen;
	bool as_wished;
	const char *reason;
} table[] = {
	/* ksm, preload, notify */
	{F(false, false, false), 0, 0, true, not_asked},
	{F(true, true, true), 0, 0, true, not_asked},
	{F(false, false, false), A, 0, false, no_ksm},
	{F(false, true, true), A, 0, false, no_ksm},
	{F(false, true, true), P, 0, false, no_ksm},
	{F(false, true, true), P | N | S, 0, false, no_ksm},
	/* nothing can be had */
	{F(true, false, false), A, 0, false, NO_SHIM},
	{F(true, false, false), P, 0, false, NO_SHIM},
	{F(true, false, false), N, 0, false, NO_HELPER ", and " NO_SHIM},
	{F(true, false, false), P | N, 0, false, NO_HELPER ", and " NO_SHIM},
	{{.ksm = true, .preload = false, .notify = false, .no_preload = "a", .no_notify = "b"},
	 A,
	 0,
	 false,
	 "notify is not possible: b, and a"},
	/* preload alone */
	{F(true, true, false), A, P, true, "auto: preload is what this version can do"},
	{F(true, true, false), P, P, true, "preload was asked for"},
	{F(true, true, false), P | A, P, true, "preload was asked for"},
	{F(true, true, false), N, P, false, NO_HELPER ", so preload takes its place"},
	{{.ksm = true, .preload = true, .notify = false, .no_notify = "because"},
	 N,
	 P,
	 false,
	 "notify is not possible: because, so preload takes its place"},
	{F(true, true, false), S, P, false, NO_WHOLE ", so preload takes its place"},
	{F(true, true, false), P | N, P, false, NO_HELPER ", so preload takes its place"},
	{F(true, true, false), A | N | S, P, false,
	 NO_WHOLE ", and " NO_HELPER ", so preload takes its place"},
	/* notify alone */
	{F(true, false, true), A, N, true, "auto: notify, because " NO_SHIM},
	{F(true, false, true), N, N, true, "notify was asked for"},
	{F(true, false, true), P, 0, false, NO_SHIM},
	{F(true, false, true), P | A, N, false, NO_SHIM ", so notify takes its place"},
	{F(true, false, true), P | N, N, false, NO_SHIM ", so notify takes its place"},
	{F(true, false, true), S, 0, false, NO_WHOLE ", and " NO_SHIM},
	/* both */
	{F(true, true, true), A, P, true, "auto: preload is what this version can do"},
	{F(true, true, true), N, N, true, "notify was asked for"},
	{F(true, true, true), N | A, N, true, "notify was asked for"},
	{F(true, true, true), P | N, P | N, true, "preload,notify was asked for"},
	{F(true, true, true), N | S, N, false, NO_WHOLE ", so notify takes its place"},
	/* process */
	{{.ksm = true, .process = true}, S, S, true, "process was asked for"},
	{{.ksm = true, .process = true, .preload = true}, S, S, true, "process was asked for"},
	{{.ksm = true, .process = true, .preload = true}, S | A, S, true, "process was asked for"},
	{{.ksm = true, .process = true, .preload = true}, P, P, true, "preload was asked for"},
	{{.ksm = true, .process = true, .preload = true},
	 P | S,
	 P | S,
	 true,
	 "preload,process was asked for"},
	{{.ksm = true, .process = true, .preload = true},
	 N | S,
	 S,
	 false,
	 NO_HELPER ", so process takes its place"},
	{{.ksm = true, .process = true}, P | S, S, false, NO_SHIM ", so process takes its place"},
	{{.ksm = true, .process = true, .notify = true},
	 N | S,
	 N | S,
	 true,
	 "notify,process was asked for"},
	{{.process = true}, S, 0, false, no_ksm},
	{{.ksm = true, .no_process = "c"}, S, 0, false, "process is not possible: c, and " NO_SHIM},
};

static void decides_by_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		const struct ocfg_wishes wishes = {.modes = table[i].wished, .required = i % 2};
		struct ocfg_decision decision;

		memset(&decision, 0x55, sizeof(decision));
		ocfg_policy_choose(&table[i].features, &wishes, &decision);
		assert_string_equal(decision.reason, table[i].reason);
		assert_int_equal(decision.modes, table[i].chosen);
		assert_int_equal(decision.as_wished, table[i].as_wished);
	}
}

static void asks_for_the_helper_only_if_it_matters(void **state)
{
	static const struct {
		struct ocfg_features features;
		unsigned wished;
		bool needs;
	} cases[] = {
		{F(true, true, false), 0, false},     {F(true, true, false), P, false},
		{F(true, true, false), A, false},     {F(true, true, false), N, true},
		{F(true, true, false), P | N, true},  {F(true, false, false), A, true},
		{F(true, false, false), P | A, true}, {F(true, false, false), P, false},
		{F(false, false, false), N, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct ocfg_wishes wishes = {.modes = cases[i].wished};

		assert_int_equal(ocfg_policy_needs_notify(&cases[i].features, &wishes),
				 cases[i].needs);
	}
}

static void tries_whole_processes_only_if_it_matters(void **state)
{
	const struct ocfg_features none = {.ksm = false}, ksm = {.ksm = true};
	const struct ocfg_wishes named = {.modes = P | S}, other = {.modes = P | N}, off = {0};

	(void)state;
	assert_true(ocfg_policy_needs_process(&ksm, &named));
	assert_false(ocfg_policy_needs_process(&ksm, &other));
	assert_false(ocfg_policy_needs_process(&ksm, &off));
	assert_false(ocfg_policy_needs_process(&none, &named));
}

static void says_that_whole_processes_have_no_min_size(void **state)
{
	const struct ocfg_features all = {
		.ksm = true, .preload = true, .notify = true, .process = true};
	struct ocfg_wishes wishes = {.modes = S, .min_size = 65536};
	struct ocfg_decision decision;

	(void)state;
	ocfg_policy_choose(&all, &wishes, &decision);
	assert_string_equal(decision.reason, "process was asked for, whatever the size of a "
					     "region: min-size has no effect on whole processes");
	assert_true(decision.as_wished);
	wishes.modes = P | N;
	ocfg_policy_choose(&all, &wishes, &decision);
	assert_string_equal(decision.reason, "preload,notify was asked for");
}

static void says_which_other_wishes_it_cannot_fulfil(void **state)
{
	static const struct {
		const char *domain;
		bool layout;
		const char *end;
	} cases[] = {
		{"a", false, ", but this version has no oci-ksm/domain"},
		{"", true, ", but this version has no oci-ksm/layout"},
		{"a", true, ", but this version has no oci-ksm/domain and no oci-ksm/layout"},
	};
	const struct ocfg_features all = {.ksm = true, .preload = true}, none = {.ksm = false};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ocfg_wishes wishes = {.modes = P, .layout_shared = cases[i].layout};
		struct ocfg_decision decision;
		char reason[256];

		snprintf(wishes.domain, sizeof(wishes.domain), "%s", cases[i].domain);
		ocfg_policy_choose(&all, &wishes, &decision);
		snprintf(reason, sizeof(reason), "preload was asked for%s", cases[i].end);
		assert_string_equal(decision.reason, reason);
		assert_int_equal(decision.modes, P);
		assert_false(decision.as_wished);
		ocfg_policy_choose(&none, &wishes, &decision);
		assert_string_equal(decision.reason, no_ksm);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides_by_the_table),
		cmocka_unit_test(asks_for_the_helper_only_if_it_matters),
		cmocka_unit_test(tries_whole_processes_only_if_it_matters),
		cmocka_unit_test(says_that_whole_processes_have_no_min_size),
		cmocka_unit_test(says_which_other_wishes_it_cannot_fulfil),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
