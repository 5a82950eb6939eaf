/* SPDX-License-Identifier: Apache-2.0 */
/* Wishes of a config.json under all settings, and what policy makes of them. */
#include "oci-config/annotations.h"
#include "oci-config/policy.h"
#include "tests/fuzz/fuzz.h"

static void check_policy(const struct ocfg_wishes *wishes)
{
	for (unsigned bits = 0; bits < 8; bits++) {
		const struct ocfg_features features = {
			.ksm = bits & 1, .preload = bits & 2, .notify = bits & 4};
		struct ocfg_decision decision;

		ocfg_policy_choose(&features, wishes, &decision);
		must(decision.reason[0] != '\0');
		must(!(decision.modes & OCFG_MODE_AUTO));
		must(decision.modes == 0 || features.ksm);
		must(!(decision.modes & OCFG_MODE_PRELOAD) || features.preload);
		must(!(decision.modes & OCFG_MODE_NOTIFY) ||
		     (features.notify && ocfg_policy_needs_notify(&features, wishes)));
		must(wishes->modes != 0 || (decision.modes == 0 && decision.as_wished));
		must(wishes->modes == 0 || decision.modes != 0 || !decision.as_wished);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ocfg_spec spec;
	struct error err = {0};

	if (must_explain(ocfg_spec_parse((const char *)data, size, OCFG_SPEC_CONFIG, &spec, &err),
			 &err) < 0)
		return 0;
	for (unsigned enable = OCFG_ENABLE_ANNOTATED; enable <= OCFG_ENABLE_NONE; enable++) {
		const struct ocfg_settings settings = {.enable = enable, .mode = OCFG_MODE_AUTO};
		struct ocfg_wishes wishes;
		struct ocfg_notes notes = {0};
		int rc = ocfg_wishes_read(&spec, &settings, size % 2, &wishes, &notes, &err);

		/* Only together with oci-ksm/required=true there are errors. */
		if (must_explain(rc, &err) < 0) {
			const char *required = ocfg_spec_annotation(&spec, "oci-ksm/required");

			must(required && strcmp(required, "true") == 0);
			continue;
		}
		must(!wishes.required || notes.count == 0);
		must(enable != OCFG_ENABLE_NONE || wishes.modes == 0);
		must(memchr(wishes.domain, '\0', sizeof(wishes.domain)));
		check_policy(&wishes);
	}
	ocfg_spec_done(&spec);
	return 0;
}
