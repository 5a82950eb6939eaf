/* SPDX-License-Identifier: Apache-2.0 */
/* Plans: where the shim goes, and that apply, apply again and undo hold for every odd document. */
#include <errno.h>
#include <limits.h>

#include "oci-config/env.h"
#include "oci-config/plan.h"
#include "tests/unit/unit.h"

#define TARGET	  "/dev/oci-ksm"
#define ENTRY	  TARGET "/" OCFG_PLAN_SHIM
#define TMPFS(at) "{\"destination\":\"" at "\",\"type\":\"tmpfs\"}"

static void finds_a_place_without_traces(void **state)
{
	static const struct {
		const char *text, *target;
	} cases[] = {
		{"{\"mounts\":[" TMPFS("/dev") "," TMPFS("/run") "]}", "/dev/oci-ksm"},
		{"{\"mounts\":[" TMPFS("/tmp") "," TMPFS("/run") "]}", "/run/oci-ksm"},
		{"{\"mounts\":[" TMPFS("/tmp") "]}", "/tmp/oci-ksm"},
		{"{\"mounts\":[" TMPFS("/dev/shm") "," TMPFS("/var/tmp") "]}", NULL},
		{"{}", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ocfg_spec spec = config_of(cases[i].text);
		const char *target = ocfg_plan_target(&spec);

		assert_int_equal(!target, !cases[i].target);
		if (target)
			assert_string_equal(target, cases[i].target);
		ocfg_spec_done(&spec);
	}
}

static const struct ocfg_seccomp_edit notify = {
	.notify = {.min_size = 65536, .brk = true},
	.socket = "/run/oci-ksm/notify.sock",
	.wait_killable = true,
	.spec_allow = true,
};

static const struct ocfg_plan plans[] = {
	{.shim_source = "/opt/preload",
	 .shim_target = TARGET,
	 .ld_so_preload_source = "/opt/preload/ld.so.preload",
	 .poststop_hook = "/usr/bin/oci-ksm-hook",
	 .hook_env = "OCI_KSM_SETTINGS=/etc/x.json",
	 .min_size = 65536},
	{.shim_source = "/opt/preload", .shim_target = TARGET},
	{.shim_target = TARGET, .min_size = 1},
	{.ld_so_preload_source = "/opt/preload/ld.so.preload"},
	{.poststop_hook = "oci-ksm-hook"},
	{.notify = &notify},
	{.shim_source = "/opt/preload", .shim_target = TARGET, .notify = &notify},
	{.shim_source = NULL},
};

/* In %s stands each of the environments below. */
static const char *const documents[] = {
	"{\"process\":{%s}}",
	"{\"process\":{\"cwd\":\"/\",%s},\"mounts\":[],\"hooks\":{}}",
	"{\"mounts\":null,\"hooks\":null,\"process\":{%s},\"annotations\":{}}",
	"{\"hooks\":{\"poststop\":[],\"prestart\":[{\"path\":\"/x\"}]},\"process\":{%s}}",
	"{\"linux\":null,\"process\":{%s}}",
	"{\"process\":{%s},\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\","
	"\"syscalls\":["
	"{\"names\":[\"mmap\"],\"action\":\"SCMP_ACT_ALLOW\"},{\"names\":[\"read\",\"brk\","
	"\"mmap\","
	"\"write\"],\"action\":\"SCMP_ACT_ALLOW\"}]}}}",
	"{\"hooks\":{\"poststop\":null},\"process\":{%s},\"mounts\":[" TMPFS("/dev") "]}",
	"{\"process\":{%s},\"hooks\":{\"poststop\":[{\"path\":\"/usr/bin/oci-ksm-hook\",\"args\":"
	"[\"oci-ksm-hook\",\"poststop\"]}]},\"mounts\":[{\"destination\":\"/dev/oci-ksm\","
	"\"source\":\"/opt/preload\"},{\"destination\":\"/dev/oci-ksm\",\"source\":\"/other\"}]}",
};

static const char *const environments[] = {
	"\"x\":1",
	"\"env\":null",
	"\"env\":[]",
	"\"env\":[],\"y\":2",
	"\"env\":[\"A=1\"]",
	"\"env\":[\"LD_PRELOAD=\"]",
	"\"env\":[\"LD_PRELOAD=a:b\",\"OCI_KSM_MIN_SIZE=65536\"]",
	"\"env\":[\"LD_PRELOAD=a\",\"OCI_KSM_MIN_SIZE=1\",\"LD_PRELOAD=b c\"]",
	"\"env\":[\"LD_PRELOAD=" ENTRY "\"]",
	"\"env\":[\"LD_PRELOAD=" ENTRY ":a\",\"OCI_KSM_MIN_SIZE=\"]",
};

static void check_round_trip(const struct ocfg_plan *plan, enum ocfg_spec_kind kind,
			     const char *original)
{
	struct ocfg_spec spec = spec_of(kind, original), again;
	cleanup_free char *edited = NULL;
	const char *text = NULL;
	size_t len = 0;

	assert_ok(ocfg_plan_undo(plan, &spec, &err));
	assert_prints(spec.doc, original);
	assert_ok(ocfg_plan_apply(plan, &spec, &err));
	assert_ok(ocfg_json_print(spec.doc, &text, &len, &err));
	edited = strdup(text);
	assert_int_equal(ocfg_plan_is_applied(&spec), strcmp(original, edited) != 0);
	assert_ok(ocfg_plan_apply(plan, &spec, &err));
	assert_prints(spec.doc, edited);
	/* Whoever undoes has read the document anew. */
	again = spec_of(kind, edited);
	assert_ok(ocfg_plan_undo(plan, &again, &err));
	assert_prints(again.doc, original);
	assert_false(ocfg_plan_is_applied(&again));
	ocfg_spec_done(&again);
	ocfg_spec_done(&spec);
}

static void comes_back_from_every_odd_document(void **state)
{
	(void)state;
	for (size_t p = 0; p < COUNT(plans); p++) {
		for (size_t e = 0; e < COUNT(environments); e++) {
			cleanup_free char *process = NULL;

			assert_true(asprintf(&process, "{%s}", environments[e]) > 0);
			check_round_trip(&plans[p], OCFG_SPEC_PROCESS, process);
			for (size_t d = 0; d < COUNT(documents); d++) {
				const char *at = strstr(documents[d], "%s");
				cleanup_free char *config = NULL;

				assert_true(asprintf(&config, "%.*s%s%s", (int)(at - documents[d]),
						     documents[d], environments[e], at + 2) > 0);
				check_round_trip(&plans[p], OCFG_SPEC_CONFIG, config);
			}
		}
	}
}

static void edits_a_config(void **state)
{
	struct ocfg_spec spec =
		config_of("{\"process\":{\"env\":[\"LD_PRELOAD=a\"]},\"mounts\":[]}");

	(void)state;
	assert_ok(ocfg_plan_apply(&plans[0], &spec, &err));
	assert_prints(
		spec.doc,
		"{\"process\":{\"env\":[\"LD_PRELOAD=a:" ENTRY "\",\"OCI_KSM_MIN_SIZE=65536\"]},"
		"\"mounts\":[{\"destination\":\"/dev/oci-ksm\",\"type\":\"bind\","
		"\"source\":\"/opt/preload\",\"options\":[\"bind\",\"ro\",\"nosuid\",\"nodev\"]},"
		"{\"destination\":\"/etc/ld.so.preload\",\"type\":\"bind\","
		"\"source\":\"/opt/preload/ld.so.preload\","
		"\"options\":[\"bind\",\"ro\",\"nosuid\",\"nodev\"]}],"
		"\"oci-ksm-edits\":[\"env LD_PRELOAD\",\"env OCI_KSM_MIN_SIZE\","
		"\"mount /dev/oci-ksm\",\"mount /etc/ld.so.preload\",\"hooks made\","
		"\"hooks.poststop made\",\"hook poststop\"],"
		"\"hooks\":{\"poststop\":[{\"path\":\"/usr/bin/oci-ksm-hook\","
		"\"args\":[\"oci-ksm-hook\",\"poststop\"],"
		"\"env\":[\"OCI_KSM_SETTINGS=/etc/x.json\"]}]}}");
	ocfg_spec_done(&spec);
}

static void edits_only_the_environment_of_an_exec(void **state)
{
	struct ocfg_spec spec = spec_of(OCFG_SPEC_PROCESS, "{\"args\":[\"sh\"],\"mounts\":7}");

	(void)state;
	assert_ok(ocfg_plan_apply(&plans[0], &spec, &err));
	assert_prints(spec.doc,
		      "{\"args\":[\"sh\"],\"mounts\":7,\"env\":[\"LD_PRELOAD=" ENTRY "\","
		      "\"OCI_KSM_MIN_SIZE=65536\"],\"oci-ksm-edits\":[\"process.env made\","
		      "\"env LD_PRELOAD\",\"env OCI_KSM_MIN_SIZE\"]}");
	ocfg_spec_done(&spec);
}

/* What others have added to an edited document since stays when our edits go. */
static void keeps_what_others_added_since(void **state)
{
	struct ocfg_spec spec = config_of("{\"process\":{}}");
	json_object *env = NULL;

	(void)state;
	assert_ok(ocfg_plan_apply(&plans[0], &spec, &err));
	env = json_object_object_get(ocfg_spec_process(&spec), "env");
	assert_ok(ocfg_env_set(env, "LATER", "1", &err));
	assert_ok(ocfg_env_list_add(env, "LD_PRELOAD", "later.so", &err));
	assert_ok(ocfg_plan_undo(&plans[0], &spec, &err));
	assert_prints(ocfg_spec_process(&spec), "{\"env\":[\"LD_PRELOAD=later.so\",\"LATER=1\"]}");
	ocfg_spec_done(&spec);
}

/* An engine that writes the document anew (podman, after precreate) drops the list of edits. */
static void leaves_a_document_that_lost_its_list(void **state)
{
	struct ocfg_spec spec = config_of("{\"process\":{\"env\":[]}}");
	cleanup_free char *edited = NULL;

	(void)state;
	assert_ok(ocfg_plan_apply(&plans[0], &spec, &err));
	json_object_object_del(spec.doc, "oci-ksm-edits");
	edited = strdup(json_object_to_json_string_ext(
		spec.doc, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	assert_ok(ocfg_plan_apply(&plans[0], &spec, &err));
	assert_prints(spec.doc, edited);
	assert_ok(ocfg_plan_undo(&plans[0], &spec, &err));
	assert_prints(spec.doc, edited);
	ocfg_spec_done(&spec);
}

static void needs_a_process(void **state)
{
	struct ocfg_spec spec = config_of("{\"process\":null}");

	(void)state;
	assert_error(ocfg_plan_apply(&plans[0], &spec, &err), EINVAL, "process: missing");
	assert_ok(ocfg_plan_undo(&plans[0], &spec, &err));
	assert_prints(spec.doc, "{\"process\":null}");
	ocfg_spec_done(&spec);
}

static void refuses_a_target_that_is_no_path(void **state)
{
	static char target[PATH_MAX];
	const struct ocfg_plan plan = {.shim_target = target};
	struct ocfg_spec spec = config_of("{\"process\":{\"env\":[]}}");

	(void)state;
	memset(target, 'x', sizeof(target) - 1);
	assert_error(ocfg_plan_apply(&plan, &spec, &err), ENAMETOOLONG, "xxx");
	assert_error(ocfg_plan_undo(&plan, &spec, &err), ENAMETOOLONG, "xxx");
	ocfg_spec_done(&spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_a_place_without_traces),
		cmocka_unit_test(comes_back_from_every_odd_document),
		cmocka_unit_test(edits_a_config),
		cmocka_unit_test(edits_only_the_environment_of_an_exec),
		cmocka_unit_test(keeps_what_others_added_since),
		cmocka_unit_test(leaves_a_document_that_lost_its_list),
		cmocka_unit_test(needs_a_process),
		cmocka_unit_test(refuses_a_target_that_is_no_path),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
