/* SPDX-License-Identifier: Apache-2.0 */
/* Policy: the table of features and wishes, and the decision with its reason. */
#include "oci-config/policy.h"
#include "tests/unit/unit.h"

#define P OCFG_MODE_PRELOAD
#define N OCFG_MODE_NOTIFY
#define S OCFG_MODE_PROCESS
#define A OCFG_MODE_AUTO

static const char not_asked[] = "merging was not asked for";
static const char no_ksm[] = "this kernel has no KSM (CONFIG_KSM)";
static const char no_shim[] = "the preload shim is not installed or has no place in this container";

static const struct {
	struct ocfg_features features;
	unsigned wished, chosen;
	bool as_wished;
	const char *reason;
} table[] = {
	/* ksm, preload */
	{{false, false}, 0, 0, true, not_asked},
	{{true, true}, 0, 0, true, not_asked},
	{{false, false}, A, 0, false, no_ksm},
	{{false, true}, A, 0, false, no_ksm},
	{{false, true}, P, 0, false, no_ksm},
	{{false, true}, P | N | S, 0, false, no_ksm},
	{{true, false}, A, 0, false, no_shim},
	{{true, false}, P, 0, false, no_shim},
	{{true, false}, N, 0, false, no_shim},
	{{true, true}, A, P, true, "auto: preload is what this version can do"},
	{{true, true}, P, P, true, "preload was asked for"},
	{{true, true}, P | A, P, true, "preload was asked for"},
	{{true, true}, N, P, false, "this version cannot do notify, so preload takes its place"},
	{{true, true}, S, P, false, "this version cannot do process, so preload takes its place"},
	{{true, true},
	 P | N,
	 P,
	 false,
	 "this version cannot do notify, so preload takes its place"},
	{{true, true},
	 A | N | S,
	 P,
	 false,
	 "this version cannot do notify,process, so preload takes its place"},
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
		cmocka_unit_test(says_which_other_wishes_it_cannot_fulfil),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
