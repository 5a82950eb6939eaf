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
	{F(true, false, false), P, 0, false, NO_SHIM},
	{F(true, false, false), N, 0, false, NO_HELPER ", and " NO_SHIM},
	{F(true, false, false), P | N, 0, false, NO_HELPER ", and " NO_SHIM},
	/* preload alone */
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
	{F(true, false, true), N, N, true, "notify was asked for"},
	{F(true, false, true), P, 0, false, NO_SHIM},
	{F(true, false, true), P | A, N, false, NO_SHIM ", so notify takes its place"},
	{F(true, false, true), P | N, N, false, NO_SHIM ", so notify takes its place"},
	{F(true, false, true), S, 0, false, NO_WHOLE ", and " NO_SHIM},
	/* both */
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

#define AUTO(p, n, s, kind)                                                 \
	{                                                                   \
		.ksm = true, .preload = (p), .notify = (n), .process = (s), \
		.program = OCFG_PROGRAM_##kind                              \
	}
#define CHEAP	   "auto: process, because it reaches all programs at no cost"
#define IS_STATIC  "because the program is statically linked"
#define IS_DYNAMIC "because the program is dynamically linked"
#define IS_SCRIPT                                                                               \
	"because the program is a script of a dynamically linked interpreter (static programs " \
	"that it starts are not reached)"
#define IS_UNKNOWN "because it is not known how the program is linked"

static const struct {
	struct ocfg_features features;
	size_t min_size;
	unsigned chosen;
	bool as_wished;
	const char *reason;
} auto_table[] = {
	/* preload, notify, process, program: what costs nothing, whatever else there is */
	{AUTO(true, true, true, STATIC), 0, S, true, CHEAP},
	{AUTO(true, false, true, DYNAMIC), 0, S, true, CHEAP},
	{AUTO(false, false, true, UNKNOWN), 0, S, true, CHEAP},
	/* region by region */
	{AUTO(true, true, false, STATIC), 0, N, true, "auto: notify, " IS_STATIC ", and " NO_WHOLE},
	{AUTO(true, true, false, UNKNOWN), 0, N, true,
	 "auto: notify, " IS_UNKNOWN ", and " NO_WHOLE},
	{AUTO(true, true, false, DYNAMIC), 0, P, true,
	 "auto: preload, " IS_DYNAMIC ", and " NO_WHOLE},
	{AUTO(true, true, false, SCRIPT), 0, P, true,
	 "auto: preload, " IS_SCRIPT ", and " NO_WHOLE},
	{AUTO(true, false, false, DYNAMIC), 0, P, true,
	 "auto: preload, " IS_DYNAMIC ", and " NO_WHOLE},
	{AUTO(true, false, false, UNKNOWN), 0, P, true,
	 "auto: preload, " IS_UNKNOWN ", and " NO_HELPER ", and " NO_WHOLE},
	{AUTO(true, false, false, STATIC), 0, P, false,
	 "auto: preload, which does not reach the program, " IS_STATIC ", and " NO_HELPER
	 ", and " NO_WHOLE},
	/* no place for the shim */
	{AUTO(false, true, false, STATIC), 0, N, true,
	 "auto: notify, " IS_STATIC ", and " NO_WHOLE},
	{AUTO(false, true, false, DYNAMIC), 0, N, true,
	 "auto: notify, because " NO_SHIM ", and " NO_WHOLE},
	{AUTO(false, true, false, UNKNOWN), 0, N, true,
	 "auto: notify, " IS_UNKNOWN ", and " NO_WHOLE},
	{AUTO(false, false, false, DYNAMIC), 0, 0, false, NO_SHIM ", and " NO_WHOLE},
	{{.ksm = true, .no_preload = "a", .no_notify = "b", .no_process = "c"},
	 0,
	 0,
	 false,
	 "notify is not possible: b, and a, and process is not possible: c"},
	/* a min-size is for regions */
	{AUTO(true, true, true, DYNAMIC), 1, P, true,
	 "auto: preload, " IS_DYNAMIC ", and process knows no min-size"},
	{AUTO(true, true, true, STATIC), 1, N, true,
	 "auto: notify, " IS_STATIC ", and process knows no min-size"},
	{AUTO(false, false, true, STATIC), 1, 0, false, NO_SHIM ", and process knows no min-size"},
};

static void chooses_what_reaches_everything_at_least_cost(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(auto_table); i++) {
		const struct ocfg_wishes wishes = {.modes = A, .min_size = auto_table[i].min_size};
		struct ocfg_decision decision;

		ocfg_policy_choose(&auto_table[i].features, &wishes, &decision);
		assert_string_equal(decision.reason, auto_table[i].reason);
		assert_int_equal(decision.modes, auto_table[i].chosen);
		assert_int_equal(decision.as_wished, auto_table[i].as_wished);
	}
}

/* The answer to what is not asked must not matter. */
static void what_is_not_asked_does_not_matter(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 256; bits++) {
		const struct ocfg_wishes wishes = {.modes = bits & 64	 ? A
							    : bits & 128 ? S
									 : A | P,
						   .min_size = bits & 32 ? 1 : 0};
		struct ocfg_features other, features = {
						    .ksm = true,
						    .preload = bits & 1,
						    .notify = bits & 2,
						    .process = bits & 4,
						    .program = (enum ocfg_program)(bits >> 3 & 3),
					    };
		struct ocfg_decision decision, without;

		ocfg_policy_choose(&features, &wishes, &decision);
		other = features;
		if (!ocfg_policy_needs_process(&other, &wishes))
			other.process = false;
		if (!ocfg_policy_needs_program(&other, &wishes))
			other.program = OCFG_PROGRAM_UNKNOWN;
		if (!ocfg_policy_needs_notify(&other, &wishes))
			other.notify = false;
		ocfg_policy_choose(&other, &wishes, &without);
		assert_string_equal(decision.reason, without.reason);
		assert_int_equal(decision.modes, without.modes);
		assert_int_equal(decision.as_wished, without.as_wished);
	}
}

static void asks_for_the_helper_only_if_it_matters(void **state)
{
	static const struct {
		struct ocfg_features features;
		unsigned wished;
		bool needs;
	} cases[] = {
		{F(true, true, false), 0, false},
		{F(true, true, false), P, false},
		{AUTO(true, false, false, DYNAMIC), A, false},
		{AUTO(true, false, false, SCRIPT), A, false},
		{AUTO(true, false, false, STATIC), A, true},
		{AUTO(true, false, false, UNKNOWN), A, true},
		{AUTO(true, false, true, STATIC), A, false},
		{F(true, true, false), N, true},
		{F(true, true, false), P | N, true},
		{F(true, false, false), A, true},
		{F(true, false, false), P | A, true},
		{F(true, false, false), P, false},
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

static void shares_a_layout_only_where_something_merges(void **state)
{
	static const struct {
		const char *no_layout;
		bool wished, ksm, shared, as_wished;
		const char *reason;
	} cases[] = {
		{NULL, true, true, true, true, "preload was asked for; " OCFG_POLICY_LAYOUT},
		{NULL, false, true, false, true, "preload was asked for"},
		{"because", false, true, false, true, "preload was asked for"},
		{"because", true, true, false, false,
		 "preload was asked for, but not oci-ksm/layout=shared: because"},
		{NULL, true, false, false, false, no_ksm},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct ocfg_features features = {
			.ksm = cases[i].ksm, .preload = true, .no_layout = cases[i].no_layout};
		const struct ocfg_wishes wishes = {.modes = P, .layout_shared = cases[i].wished};
		struct ocfg_decision decision;

		memset(&decision, 0x55, sizeof(decision));
		ocfg_policy_choose(&features, &wishes, &decision);
		assert_string_equal(decision.reason, cases[i].reason);
		assert_int_equal(decision.layout_shared, cases[i].shared);
		assert_int_equal(decision.as_wished, cases[i].as_wished);
	}
}

static void merges_nothing_of_an_uncertain_domain(void **state)
{
	const struct ocfg_features all = {
		.ksm = true, .preload = true, .notify = true, .process = true};
	struct ocfg_wishes wishes = {
		.modes = A, .domain_is_uncertain = true, .layout_shared = true};
	struct ocfg_decision decision;

	(void)state;
	ocfg_policy_choose(&all, &wishes, &decision);
	assert_int_equal(decision.modes, 0);
	assert_false(decision.as_wished);
	assert_false(decision.layout_shared);
	assert_non_null(strstr(decision.reason, "its trust domain is not certain"));
	wishes.modes = 0;
	ocfg_policy_choose(&all, &wishes, &decision);
	assert_string_equal(decision.reason, not_asked);
	assert_true(decision.as_wished);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides_by_the_table),
		cmocka_unit_test(chooses_what_reaches_everything_at_least_cost),
		cmocka_unit_test(what_is_not_asked_does_not_matter),
		cmocka_unit_test(asks_for_the_helper_only_if_it_matters),
		cmocka_unit_test(tries_whole_processes_only_if_it_matters),
		cmocka_unit_test(says_that_whole_processes_have_no_min_size),
		cmocka_unit_test(shares_a_layout_only_where_something_merges),
		cmocka_unit_test(merges_nothing_of_an_uncertain_domain),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
