/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp profiles of config.json: which of them a program with the shim survives. */
#include "oci-config/seccomp.h"
#include "tests/unit/unit.h"

#define PROFILE(action, rules)                                                                    \
	"{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_" action "\",\"syscalls\":[" rules \
	"]}}}"
#define RULE(names, action) "{\"names\":[" names "],\"action\":\"SCMP_ACT_" action "\"}"
#define CONDITION	    ",\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}"

static void spares(void **state)
{
	static const struct {
		const char *config;
		bool spares;
	} cases[] = {
		{"{}", true},
		{"{\"linux\":{\"seccomp\":null}}", true},
		{PROFILE("ALLOW", ""), true},
		{PROFILE("ERRNO", ""), true},
		{PROFILE("LOG", RULE("\"read\"", "KILL")), true},
		{PROFILE("ERRNO", RULE("\"read\",\"prctl\"", "ALLOW")), true},
		{PROFILE("ALLOW", RULE("\"prctl\"", "ERRNO")), true},
		{PROFILE("KILL", ""), false},
		{PROFILE("KILL_THREAD", RULE("\"read\"", "ALLOW")), false},
		{PROFILE("KILL_PROCESS", RULE("\"read\"", "ALLOW") "," RULE("\"prctl\"", "ALLOW")),
		 true},
		{PROFILE("TRAP", ""), false},
		{PROFILE("TRACE", ""), false},
		{PROFILE("ALLOW", RULE("\"read\",\"prctl\"", "KILL_PROCESS")), false},
		{PROFILE("ALLOW", RULE("\"prctl\"", "NOTIFY")), false},
		{PROFILE("KILL", "{\"names\":[\"prctl\"],\"action\":\"SCMP_ACT_ALLOW\"" CONDITION),
		 false},
		{PROFILE("ALLOW", "{\"names\":[\"prctl\"],\"action\":\"SCMP_ACT_KILL\"" CONDITION),
		 false},
		{PROFILE("KILL",
			 "{\"names\":[\"prctl\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[]}"),
		 true},
		/* not ours to judge: no runtime starts these */
		{"{\"linux\":{\"seccomp\":{\"syscalls\":[]}}}", false},
		{"{\"linux\":[],\"a\":1}", true},
		{"{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":"
		 "[1,{\"names\":[2]},{\"names\":\"prctl\"}]}}}",
		 true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ocfg_spec spec = config_of(cases[i].config);

		if (ocfg_seccomp_spares(&spec, "prctl") != cases[i].spares)
			fail_msg("%s", cases[i].config);
		ocfg_spec_done(&spec);
	}
}

static void is_native(void **state)
{
#define ARCHITECTURES(names) "{\"linux\":{\"seccomp\":{\"architectures\":[" names "]}}}"
#if defined(__x86_64__)
#define OWN   "\"SCMP_ARCH_X86_64\""
#define OTHER "\"SCMP_ARCH_X86\",\"SCMP_ARCH_AARCH64\""
#else
#define OWN   "\"SCMP_ARCH_AARCH64\""
#define OTHER "\"SCMP_ARCH_ARM\",\"SCMP_ARCH_X86_64\""
#endif
	static const struct {
		const char *config;
		bool is_there, is_native;
	} cases[] = {
		{"{}", false, true},
		{"{\"linux\":{\"seccomp\":null}}", false, true},
		{PROFILE("ALLOW", ""), true, true},
		{ARCHITECTURES(""), true, true},
		{ARCHITECTURES(OWN), true, true},
		{ARCHITECTURES(OTHER "," OWN), true, true},
		{ARCHITECTURES(OTHER), true, false},
		{ARCHITECTURES("1"), true, false},
		{ARCHITECTURES(OTHER ",\"SCMP_ARCH_NATIVE\""), true, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ocfg_spec spec = config_of(cases[i].config);

		if (ocfg_seccomp_is_native(&spec) != cases[i].is_native ||
		    ocfg_seccomp_is_there(&spec) != cases[i].is_there)
			fail_msg("%s", cases[i].config);
		ocfg_spec_done(&spec);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spares),
		cmocka_unit_test(is_native),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
