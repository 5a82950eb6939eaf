/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edit of seccomp profiles, by what it does: the filters that libseccomp makes of the old and of the
 * edited profile answer every call alike, but for the allowed ones that are to be notified.
 */
#include <errno.h>

#include "oci-config/file.h"
#include "oci-config/seccomp.h"
#include "tests/unit/compare.h"
#include "tests/unit/filter.h"
#include "tests/unit/unit.h"

#define SOCKET	 "/run/oci-ksm/notify.sock"
#define MIN	 65536
#define PROFILES 400 /* random ones */

static json_object *seccomp_of(const struct ocfg_spec *spec)
{
	json_object *part = NULL, *seccomp = NULL;

	if (json_object_object_get_ex(spec->doc, "linux", &part))
		json_object_object_get_ex(part, "seccomp", &seccomp);
	return seccomp;
}

static char *print(const struct ocfg_spec *spec)
{
	const char *text = NULL;
	size_t len = 0;

	assert_ok(ocfg_json_print(spec->doc, &text, &len, &err));
	return strdup(text);
}

/* Where there was no profile there was no filter either: every call was allowed. */
static json_object *no_filter(void)
{
	return json_of("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":["
#ifdef __x86_64__
		       "\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"]}");
#else
		       "\"SCMP_ARCH_AARCH64\",\"SCMP_ARCH_ARM\"]}");
#endif
}

/* Edits, compares, edits again, takes back. Returns how many of the calls tried are notified. */
static size_t check_edit(const char *config, const struct ocfg_seccomp_edit *edit, int last)
{
	struct ocfg_spec spec = config_of(config), original = config_of(config);
	json_object *old = json_object_get(seccomp_of(&original));
	struct error why = {0};
	const char *difference;
	size_t notified;
	cleanup_free char *before = print(&spec), *edited = NULL;

	if (!old)
		old = no_filter();
	if (ocfg_seccomp_can_notify(&spec, edit, &why) < 0)
		fail_msg("%s: %s", why.msg, before);
	assert_prints(spec.doc, before);
	assert_ok(ocfg_seccomp_add_notify(&spec, edit, &err));
	edited = print(&spec);
	difference = compare(old, seccomp_of(&spec), &edit->notify, last, &notified);
	if (difference[0] != '\0')
		fail_msg("%s\n%s\n%s", difference, before, edited);
	assert_true(ocfg_seccomp_has_notify(&spec, edit->socket));
	assert_false(ocfg_seccomp_has_notify(&spec, "/other"));
	assert_ok(ocfg_seccomp_can_notify(&spec, edit, &err));
	assert_ok(ocfg_seccomp_add_notify(&spec, edit, &err));
	assert_prints(spec.doc, edited);
	ocfg_spec_done(&spec);
	spec = config_of(edited);
	assert_ok(ocfg_seccomp_remove_notify(&spec, &err));
	assert_prints(spec.doc, before);
	assert_ok(ocfg_seccomp_remove_notify(&spec, &err));
	assert_prints(spec.doc, before);
	ocfg_spec_done(&spec);
	ocfg_spec_done(&original);
	json_object_put(old);
	return notified;
}

static const struct ocfg_seccomp_edit edits[] = {
	{.notify = {.min_size = MIN}, .socket = SOCKET},
	{.notify = {.min_size = MIN, .brk = true}, .socket = SOCKET, .wait_killable = true},
	{.notify = {.min_size = 4096, .regions = true, .sync = true},
	 .socket = SOCKET,
	 .wait_killable = true,
	 .spec_allow = true},
	{.notify = {.min_size = (size_t)5 << 30}, .socket = SOCKET},
};

#define ARCHS "\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"],"
#define PROFILE(action, rules)                                                      \
	"{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_" action "\"," ARCHS \
	"\"syscalls\":[" rules "]}}}"
#define RULE(names, action) "{\"names\":[" names "],\"action\":\"SCMP_ACT_" action "\"}"
#define IF(names, action, args) \
	"{\"names\":[" names "],\"action\":\"SCMP_ACT_" action "\",\"args\":[" args "]}"
#define ARG(index, op, value) \
	"{\"index\":" #index ",\"value\":" #value ",\"op\":\"SCMP_CMP_" #op "\"}"
#define MASKED(index, value, two)                                       \
	"{\"index\":" #index ",\"value\":" #value ",\"valueTwo\":" #two \
	",\"op\":\"SCMP_CMP_MASKED_EQ\"}"
#define M     "\"mmap\""
#define HELPS RULE("\"madvise\",\"prctl\",\"brk\"", "ALLOW")

static const char *const profiles[] = {
	"{}",
	"{\"linux\":null}",
	"{\"linux\":{\"seccomp\":null,\"x\":1}}",
	PROFILE("ALLOW", ""),
	"{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"}}}",
	"{\"linux\":{\"seccomp\":{\"syscalls\":null,\"flags\":null,\"listenerPath\":null,"
	"\"listenerMetadata\":null,\"defaultAction\":\"SCMP_ACT_ALLOW\"}}}",
	"{\"linux\":{\"seccomp\":{\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],"
	"\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[]}}}",
	PROFILE("ALLOW", RULE(M, "ALLOW")),
	PROFILE("ERRNO", RULE("\"a\"," M ",\"read\"," M ",\"brk\"", "ALLOW")),
	PROFILE("KILL_PROCESS",
		RULE("\"read\"," M, "ALLOW") "," RULE("\"madvise\",\"process_madvise\",\"prctl\"",
						      "ALLOW") "," RULE(M ",\"brk\"", "ALLOW")),
	PROFILE("TRAP", RULE(M ",\"madvise\",\"process_madvise\",\"prctl\"", "ALLOW")),
	PROFILE("ERRNO", RULE(M, "ALLOW") "," IF(M, "ALLOW", ARG(2, EQ, 1)) "," HELPS),
	/* conditions of its own: no memory that can be written and executed */
	PROFILE("ERRNO", IF(M, "ALLOW", MASKED(2, 4, 0)) "," HELPS),
	PROFILE("ERRNO", IF(M ",\"mprotect\"", "ALLOW", MASKED(2, 6, 4)) "," HELPS),
	PROFILE("ALLOW", IF(M, "ERRNO", MASKED(2, 6, 6))),
	/* on the very arguments that we look at */
	PROFILE("ERRNO", IF(M, "ALLOW", ARG(1, GT, 99999)) "," HELPS),
	PROFILE("ERRNO", IF(M, "ALLOW", ARG(3, EQ, 34)) "," HELPS),
	PROFILE("ERRNO", IF(M, "ALLOW", MASKED(3, 1, 0)) "," HELPS),
	PROFILE("ERRNO",
		IF(M, "ALLOW", MASKED(3, 32, 0)) "," IF(M, "ALLOW", MASKED(3, 33, 33)) "," HELPS),
	PROFILE("ALLOW", IF(M, "ERRNO", ARG(1, LT, 100000))),
	PROFILE("ALLOW", IF(M, "ERRNO", MASKED(3, 1, 1))),
	PROFILE("ALLOW", IF(M, "ERRNO", ARG(3, EQ, 2))),
	/* two conditions on one argument are two rules */
	PROFILE("ERRNO", IF(M, "ALLOW", ARG(2, EQ, 1) "," ARG(2, EQ, 3)) "," HELPS),
	/* several rules */
	PROFILE("ERRNO", IF(M, "ALLOW", ARG(2, EQ, 1) "," ARG(0, EQ, 0)) "," IF(
				 M, "ALLOW", ARG(2, EQ, 3) "," MASKED(3, 2, 2)) "," HELPS),
	PROFILE("ERRNO",
		IF(M, "ALLOW", MASKED(2, 4, 0)) "," IF(M, "KILL", MASKED(2, 6, 6)) "," HELPS),
	/* the same as by default is no rule */
	PROFILE("ERRNO", RULE(M, "ERRNO") "," RULE(M, "ALLOW") "," HELPS),
	/* brk's */
	PROFILE("ERRNO", RULE(M ",\"madvise\",\"prctl\"", "ALLOW") "," IF("\"brk\"", "ALLOW",
									  ARG(0, NE, 1))),
	PROFILE("ALLOW", IF("\"brk\"", "ERRNO", ARG(0, LT, 4096))),
	PROFILE("ERRNO", RULE(M ",\"madvise\",\"prctl\"", "ALLOW")),
};

static void answers_as_before_but_for_what_is_notified(void **state)
{
	(void)state;
	for (size_t p = 0; p < COUNT(profiles); p++)
		for (size_t e = 0; e < 2; e++)
			if (check_edit(profiles[p], &edits[e], 60) == 0)
				fail_msg("nothing is notified: %s", profiles[p]);
}

static void takes_every_way_to_be_notified(void **state)
{
	static const char *const some[] = {
		"{}",
		PROFILE("ERRNO", RULE(M ",\"brk\",\"read\"", "ALLOW")),
		PROFILE("ERRNO", IF(M, "ALLOW", MASKED(2, 4, 0)) "," HELPS),
		PROFILE("ALLOW", IF(M, "ERRNO", MASKED(2, 6, 6))),
	};

	(void)state;
	for (size_t p = 0; p < COUNT(some); p++)
		for (size_t e = 0; e < COUNT(edits); e++)
			assert_true(check_edit(some[p], &edits[e], 60) > 0);
}

/* What podman, docker and containerd write for a container without options. */
static void keeps_the_defaults_of_engines(void **state)
{
	static const char *const engines[] = {"podman",
					      "docker",
					      "containerd-cri-container",
					      "containerd-ctr",
					      "docker-privileged",
					      "crun-spec"};

	(void)state;
	for (size_t i = 0; i < COUNT(engines); i++) {
		cleanup_free char *text = NULL;
		char path[256];
		size_t len;

		snprintf(path, sizeof(path), "tests/golden/%s/in.json", engines[i]);
		assert_ok(ocfg_file_read(AT_FDCWD, path, OCFG_FILE_MAX, &text, &len, &err));
		for (size_t e = 0; e < 2; e++)
			assert_true(check_edit(text, &edits[e], 500) > 0);
	}
}

/* Numbers that are the same in every run. */
static unsigned next_random(unsigned limit)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(state >> 33) % limit;
}

static size_t random_condition(char *buf, size_t size)
{
	static const char *const ops[] = {"NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"};
	static const unsigned values[] = {0, 1, 2, 3, 4, 6, 7, 32, 34, 4096, 65535, 65536, 100000};
	static const unsigned masks[] = {1, 2, 3, 4, 6, 7, 32, 33, 34, 35, 255};
	unsigned op = next_random(COUNT(ops)), index = next_random(4);
	unsigned mask = masks[next_random(COUNT(masks))];

	if (op == COUNT(ops) - 1)
		return (size_t)snprintf(buf, size,
					"{\"index\":%u,\"value\":%u,\"valueTwo\":%u,"
					"\"op\":\"SCMP_CMP_MASKED_EQ\"}",
					index, mask, mask & next_random(256));
	return (size_t)snprintf(buf, size, "{\"index\":%u,\"value\":%u,\"op\":\"SCMP_CMP_%s\"}",
				index, values[next_random(COUNT(values))], ops[op]);
}

static size_t random_rule(char *buf, size_t size)
{
	static const char *const actions[] = {"ALLOW", "ALLOW", "ERRNO", "KILL_PROCESS", "LOG"};
	static const char *const names[] = {M, (M ",\"read\""), ("\"brk\"," M), "\"brk\""};
	unsigned conditions = next_random(4);
	size_t len = (size_t)snprintf(
		buf, size, "{\"names\":[%s],\"action\":\"SCMP_ACT_%s\",\"args\":[",
		names[next_random(COUNT(names))], actions[next_random(COUNT(actions))]);

	for (unsigned i = 0; i < conditions; i++) {
		len += random_condition(buf + len, size - len);
		len += (size_t)snprintf(buf + len, size - len, i + 1 < conditions ? "," : "");
	}
	return len + (size_t)snprintf(buf + len, size - len, "]}");
}

static void random_config(char *buf, size_t size)
{
	unsigned rules = 1 + next_random(3);
	size_t len =
		(size_t)snprintf(buf, size,
				 "{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_%s\"," ARCHS
				 "\"syscalls\":[",
				 next_random(2) ? "ALLOW" : "ERRNO");

	for (unsigned i = 0; i < rules; i++) {
		len += random_rule(buf + len, size - len);
		len += (size_t)snprintf(buf + len, size - len, ",");
	}
	snprintf(buf + len, size - len, RULE("\"madvise\",\"prctl\"", "ALLOW") "]}}}");
}

static void holds_for_any_profile(void **state)
{
	static struct filter unused;
	size_t edited = 0;

	(void)state;
	for (unsigned n = 0; n < PROFILES; n++) {
		const struct ocfg_seccomp_edit *edit = &edits[n % 2];
		char config[4096];
		struct ocfg_spec spec;

		random_config(config, sizeof(config));
		spec = config_of(config);
		if (filter_build(seccomp_of(&spec), 0, &unused) == 0 &&
		    ocfg_seccomp_can_notify(&spec, edit, NULL) == 0) {
			check_edit(config, edit, 15);
			edited++;
		}
		ocfg_spec_done(&spec);
	}
	assert_true(edited > PROFILES / 20); /* most contradict themselves */
}

/* The comparison finds an edit that is wrong by one rule, one bit or one byte. */
static void would_notice_a_wrong_edit(void **state)
{
	static const char config[] = PROFILE("ERRNO", RULE(M ",\"brk\",\"read\"", "ALLOW"));
	static const struct {
		const char *from, *to;
	} faults[] = {
		{"\"value\":65536,\"op\":\"SCMP_CMP_LT\"",
		 "\"value\":65535,\"op\":\"SCMP_CMP_LT\""},
		{"\"value\":65536,\"op\":\"SCMP_CMP_GE\"",
		 "\"value\":65537,\"op\":\"SCMP_CMP_GE\""},
		{"\"value\":32,\"valueTwo\":0", "\"value\":48,\"valueTwo\":0"},
		{"\"value\":32,\"valueTwo\":32", "\"value\":33,\"valueTwo\":33"},
		{"SCMP_CMP_LT", "SCMP_CMP_LE"},
		{"{\"names\":[\"brk\",\"read\"]", "{\"names\":[\"brk\",\"read\",\"mmap\"]"},
		{"{\"names\":[\"brk\",\"read\"]", "{\"names\":[\"brk\"]"},
	};
	struct ocfg_spec old = config_of(config), spec = config_of(config);
	size_t notified;
	cleanup_free char *edited = NULL;

	(void)state;
	assert_ok(ocfg_seccomp_add_notify(&spec, &edits[0], &err));
	edited = print(&spec);
	for (size_t i = 0; i < COUNT(faults); i++) {
		const char *at = strstr(edited, faults[i].from);
		cleanup_free char *wrong = NULL;
		struct ocfg_spec faulty;

		if (!at)
			fail_msg("%s is not in %s", faults[i].from, edited);
		assert_true(asprintf(&wrong, "%.*s%s%s", (int)(at - edited), edited, faults[i].to,
				     at + strlen(faults[i].from)) > 0);
		faulty = config_of(wrong);
		if (compare(seccomp_of(&old), seccomp_of(&faulty), &edits[0].notify, 60,
			    &notified)[0] == '\0')
			fail_msg("not noticed: %s", faults[i].to);
		ocfg_spec_done(&faulty);
	}
	ocfg_spec_done(&old);
	ocfg_spec_done(&spec);
}

static void refuses_what_cannot_be_done_exactly(void **state)
{
	static const struct {
		const char *config, *words;
	} cases[] = {
		{"{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\","
		 "\"listenerPath\":\"/x\"}}}",
		 "profile: it has another listener, /x"},
		{"{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\","
		 "\"listenerPath\":\"" SOCKET "\"}}}",
		 "another listener"},
		{"{\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\","
		 "\"listenerMetadata\":\"x\"}}}",
		 "another listener"},
		{PROFILE("ALLOW", RULE("\"mount\"", "NOTIFY")),
		 "mmap: syscalls[0]: the profile notifies another listener"},
		{"{\"linux\":{\"seccomp\":{}}}", "defaultAction: missing"},
		{"{\"linux\":[]}", "linux: array instead of object"},
		{"{\"linux\":{\"seccomp\":[]}}", "seccomp: array instead of object"},
		{"{\"linux\":{\"seccomp\":{\"defaultAction\":1}}}", "it kills who calls madvise"},
		{PROFILE("ALLOW", "7"), "syscalls[0]: rule: int instead of object"},
		{PROFILE("ALLOW", RULE("\"madvise\"", "KILL")), "it kills who calls madvise"},
		{PROFILE("ALLOW", RULE("\"prctl\"", "TRAP")), "it kills who calls prctl"},
		{PROFILE("KILL", RULE(M ",\"madvise\",\"prctl\"", "ALLOW")),
		 "it kills who calls process_madvise"},
		{PROFILE("ALLOW", RULE(M, "ERRNO")), "mmap: it allows none of the calls"},
		{PROFILE("ERRNO", HELPS), "mmap: it allows none of the calls"},
		{PROFILE("ERRNO", IF(M, "ALLOW", ARG(1, LT, 4096)) "," HELPS),
		 "mmap: it allows none of the calls"},
		{PROFILE("ALLOW", IF(M, "ERRNO", ARG(1, GE, 4096))), "allows none of the calls"},
		{PROFILE("ERRNO", RULE(M, "ALLOW") "," IF(M, "KILL", ARG(2, EQ, 7))),
		 "rules contradict each other"},
		{PROFILE("ERRNO", IF(M, "ALLOW", ARG(2, NE, 1)) "," IF(M, "KILL", ARG(2, EQ, 7))),
		 "rules contradict each other"},
		{PROFILE("ALLOW", IF(M, "ERRNO", ARG(1, GT, 1073741824))),
		 "mmap: its conditions and ours cannot be said in one rule"},
		{PROFILE("ALLOW", IF(M, "ERRNO", ARG(2, EQ, 7)) "," IF(M, "LOG", ARG(2, EQ, 4))),
		 "it blocks some calls by several conditions"},
		{PROFILE("ERRNO", IF(M, "ALLOW", ARG(1, LE, 1048576)) "," HELPS), "cannot be said"},
		{PROFILE("ALLOW", IF(M, "ERRNO", MASKED(2, 4, 4) "," MASKED(3, 16, 16))),
		 "it blocks some calls by several conditions"},
		{PROFILE("ERRNO", IF(M, "ALLOW", ARG(3, GE, 16))), "cannot be said in one rule"},
		{PROFILE("ERRNO", IF(M, "ALLOW", ARG(1, GT, 4294967295))), "cannot be said"},
		{PROFILE("ERRNO", IF(M, "ALLOW", MASKED(3, 0, 0))), "a mask that no value fits"},
		{PROFILE("ERRNO", IF(M, "ALLOW", MASKED(3, 1, 2))), "a mask that no value fits"},
		{PROFILE("ERRNO", IF(M, "ALLOW", ARG(6, EQ, 1))), "no condition on an argument"},
		{PROFILE("ERRNO", IF(M, "ALLOW", "1")), "condition: int instead of object"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ocfg_spec spec = config_of(cases[i].config);

		assert_error(ocfg_seccomp_can_notify(&spec, &edits[0], &err), EINVAL,
			     cases[i].words);
		assert_error(ocfg_seccomp_add_notify(&spec, &edits[0], &err), EINVAL,
			     cases[i].words);
		assert_prints(spec.doc, cases[i].config);
		ocfg_spec_done(&spec);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_as_before_but_for_what_is_notified),
		cmocka_unit_test(takes_every_way_to_be_notified),
		cmocka_unit_test(keeps_the_defaults_of_engines),
		cmocka_unit_test(holds_for_any_profile),
		cmocka_unit_test(would_notice_a_wrong_edit),
		cmocka_unit_test(refuses_what_cannot_be_done_exactly),
	};

	return cmocka_run_group_tests_name("seccomp_notify", tests, NULL, NULL);
}
