/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.json and process.json under every plan: apply is idempotent, and undo gives the original.
 */
#include "oci-config/edits.h"
#include "oci-config/plan.h"
#include "tests/fuzz/fuzz.h"

static const struct ocfg_seccomp_edit notify = {
	.notify = {.min_size = 65536, .brk = true}, .socket = "/n", .wait_killable = true};

static const struct ocfg_plan plans[] = {
	{.shim_source = "/p",
	 .shim_target = "/dev/oci-ksm",
	 .ld_so_preload_source = "/p/ld.so.preload",
	 .poststop_hook = "/bin/oci-ksm-hook",
	 .hook_env = "A=b",
	 .min_size = 65536},
	{.shim_source = "/p", .shim_target = "/dev/oci-ksm"},
	{.shim_target = "/run/oci-ksm", .min_size = 1},
	{.poststop_hook = "/bin/oci-ksm-hook"},
	{.notify = &notify},
};

static struct ocfg_spec reread(const char *text, enum ocfg_spec_kind kind)
{
	struct ocfg_spec spec;
	struct error err = {0};

	must(ocfg_spec_parse(text, strlen(text), kind, &spec, &err) == 0);
	return spec;
}

static void undo(const struct ocfg_plan *plan, const char *edited, enum ocfg_spec_kind kind,
		 const char *original)
{
	struct ocfg_spec spec = reread(edited, kind);
	cleanup_free char *text = NULL;
	struct error err = {0};

	must(ocfg_plan_undo(plan, &spec, &err) == 0);
	text = text_of(spec.doc);
	must(strcmp(text, original) == 0);
	ocfg_spec_done(&spec);
}

static void check(const struct ocfg_plan *plan, const char *original, enum ocfg_spec_kind kind)
{
	struct ocfg_spec spec = reread(original, kind);
	bool clean = !ocfg_plan_is_applied(&spec);
	struct error err = {0};

	if (clean)
		undo(plan, original, kind, original);
	if (must_explain(ocfg_plan_apply(plan, &spec, &err), &err) == 0) {
		cleanup_free char *edited = text_of(spec.doc);
		cleanup_free char *twice = NULL;

		must(ocfg_plan_apply(plan, &spec, &err) == 0);
		twice = text_of(spec.doc);
		must(strcmp(edited, twice) == 0);
		/* Where the list of edits is forged nobody can tell what the original was. */
		if (clean)
			undo(plan, edited, kind, original);
	}
	must_explain(ocfg_plan_undo(plan, &spec, &err), &err);
	ocfg_spec_done(&spec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum ocfg_spec_kind kinds[] = {OCFG_SPEC_CONFIG, OCFG_SPEC_PROCESS};

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		struct ocfg_spec spec;
		struct error err = {0};
		cleanup_free char *original = NULL;

		if (must_explain(ocfg_spec_parse((const char *)data, size, kinds[k], &spec, &err),
				 &err) < 0)
			continue;
		ocfg_plan_target(&spec);
		original = text_of(spec.doc);
		ocfg_spec_done(&spec);
		for (size_t p = 0; p < sizeof(plans) / sizeof(plans[0]); p++)
			check(&plans[p], original, kinds[k]);
	}
	return 0;
}
