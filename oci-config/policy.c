/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy: wishes + what this host can do -> modes and the reason. Pure: no files, no kernel, no
 * clock.
 */
#include <stdio.h>
#include <string.h>

#include "oci-config/policy.h"

/* Modes that this version can carry out. */
#define BUILT_IN OCFG_MODE_PRELOAD

static void decide(struct ocfg_decision *ret, unsigned modes, bool as_wished, const char *reason)
{
	ret->modes = modes;
	ret->as_wished = as_wished;
	snprintf(ret->reason, sizeof(ret->reason), "%s", reason);
}

static void choose_preload(const struct ocfg_features *features, const struct ocfg_wishes *wishes,
			   struct ocfg_decision *ret)
{
	unsigned missing = wishes->modes & ~(unsigned)(BUILT_IN | OCFG_MODE_AUTO);
	char names[64];

	ocfg_mode_format(missing, names, sizeof(names));
	if (!features->preload) {
		decide(ret, 0, false,
		       "the preload shim is not installed or has no place in this container");
	} else if (missing != 0) {
		ret->modes = OCFG_MODE_PRELOAD;
		ret->as_wished = false;
		snprintf(ret->reason, sizeof(ret->reason),
			 "this version cannot do %s, so preload takes its place", names);
	} else if (wishes->modes & OCFG_MODE_PRELOAD) {
		decide(ret, OCFG_MODE_PRELOAD, true, "preload was asked for");
	} else {
		decide(ret, OCFG_MODE_PRELOAD, true, "auto: preload is what this version can do");
	}
}

/* Whoever asks for a trust domain or layout of its own must not believe to have got it. */
static void mention_unsupported(const struct ocfg_wishes *wishes, struct ocfg_decision *ret)
{
	bool domain = wishes->domain[0] != '\0', layout = wishes->layout_shared;
	size_t len = strlen(ret->reason);

	if (ret->modes == 0 || (!domain && !layout))
		return;
	ret->as_wished = false;
	snprintf(ret->reason + len, sizeof(ret->reason) - len,
		 ", but this version has no oci-ksm/%s%s%s", domain ? "domain" : "",
		 domain && layout ? " and no oci-ksm/" : "", layout ? "layout" : "");
}

void ocfg_policy_choose(const struct ocfg_features *features, const struct ocfg_wishes *wishes,
			struct ocfg_decision *ret)
{
	if (wishes->modes == 0) {
		decide(ret, 0, true, "merging was not asked for");
	} else if (!features->ksm) {
		decide(ret, 0, false, "this kernel has no KSM (CONFIG_KSM)");
	} else {
		choose_preload(features, wishes, ret);
		mention_unsupported(wishes, ret);
	}
}
