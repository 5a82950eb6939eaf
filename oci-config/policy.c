/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy: wishes + what this host can do -> modes and the reason. Pure: no files, no kernel, no
 * clock.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "oci-config/policy.h"

static void say(struct ocfg_decision *ret, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Appends to the reason. */
static void say(struct ocfg_decision *ret, const char *fmt, ...)
{
	size_t len = strlen(ret->reason);
	va_list args;

	va_start(args, fmt);
	vsnprintf(ret->reason + len, sizeof(ret->reason) - len, fmt, args);
	va_end(args);
}

static const char *no_preload(const struct ocfg_features *features)
{
	return features->no_preload
		       ? features->no_preload
		       : "the preload shim is not installed or has no place in this container";
}

static const char *no_process(const struct ocfg_features *features)
{
	return features->no_process ? features->no_process
				    : "this kernel cannot make whole processes mergeable";
}

/* Why these modes cannot be had. */
static void say_missing(const struct ocfg_features *features, unsigned missing,
			struct ocfg_decision *ret)
{
	const char *link = "";

	if (missing & OCFG_MODE_PROCESS) {
		say(ret, "process is not possible: %s", no_process(features));
		link = ", and ";
	}
	if (missing & OCFG_MODE_NOTIFY) {
		say(ret, "%snotify is not possible: %s", link,
		    features->no_notify ? features->no_notify : "oci-ksmd is not there");
		link = ", and ";
	}
	if (missing & OCFG_MODE_PRELOAD)
		say(ret, "%s%s", link, no_preload(features));
}

static bool is_auto(const struct ocfg_wishes *wishes)
{
	return wishes->modes == OCFG_MODE_AUTO;
}

/* Only regions have a smallest size. */
static bool takes_process(const struct ocfg_features *features, const struct ocfg_wishes *wishes)
{
	return features->process && wishes->min_size == 0;
}

static bool is_dynamic(const struct ocfg_features *features)
{
	return features->program == OCFG_PROGRAM_DYNAMIC ||
	       features->program == OCFG_PROGRAM_SCRIPT;
}

static const char *how_linked(const struct ocfg_features *features)
{
	switch (features->program) {
	case OCFG_PROGRAM_STATIC:
		return "the program is statically linked";
	case OCFG_PROGRAM_DYNAMIC:
		return "the program is dynamically linked";
	case OCFG_PROGRAM_SCRIPT:
		return "the program is a script of a dynamically linked interpreter (static "
		       "programs that "
		       "it starts are not reached)";
	case OCFG_PROGRAM_UNKNOWN:
	default:
		return "it is not known how the program is linked";
	}
}

/* Ends the sentence. */
static void say_no_process(const struct ocfg_features *features, const struct ocfg_wishes *wishes,
			   struct ocfg_decision *ret)
{
	say(ret, ", and ");
	if (wishes->min_size)
		say(ret, "process knows no min-size");
	else
		say_missing(features, OCFG_MODE_PROCESS, ret);
}

/* Region by region: notify costs more than preload and has hazards, but reaches what loads no library. */
static void choose_regions(const struct ocfg_features *features, const struct ocfg_wishes *wishes,
			   struct ocfg_decision *ret)
{
	ret->as_wished = true;
	if (features->notify && !(features->preload && is_dynamic(features))) {
		ret->modes = OCFG_MODE_NOTIFY;
		say(ret, "auto: notify, because %s",
		    is_dynamic(features) ? no_preload(features) : how_linked(features));
	} else {
		ret->modes = OCFG_MODE_PRELOAD;
		ret->as_wished = features->program != OCFG_PROGRAM_STATIC;
		say(ret, "auto: preload, %s %s",
		    ret->as_wished ? "because" : "which does not reach the program, because",
		    how_linked(features));
		if (!is_dynamic(features)) {
			say(ret, ", and ");
			say_missing(features, OCFG_MODE_NOTIFY, ret);
		}
	}
	say_no_process(features, wishes, ret);
}

static void choose_auto(const struct ocfg_features *features, const struct ocfg_wishes *wishes,
			struct ocfg_decision *ret)
{
	if (takes_process(features, wishes)) {
		ret->as_wished = true;
		ret->modes = OCFG_MODE_PROCESS;
		say(ret, "auto: process, because it reaches all programs at no cost");
	} else if (features->preload || features->notify) {
		choose_regions(features, wishes, ret);
	} else {
		say_missing(features,
			    features->no_notify ? OCFG_MODE_PRELOAD | OCFG_MODE_NOTIFY
						: OCFG_MODE_PRELOAD,
			    ret);
		say_no_process(features, wishes, ret);
	}
}

static void choose_named(const struct ocfg_features *features, unsigned named, bool or_auto,
			 struct ocfg_decision *ret)
{
	unsigned possible = (features->preload ? OCFG_MODE_PRELOAD : 0) |
			    (features->notify ? OCFG_MODE_NOTIFY : 0) |
			    (features->process ? OCFG_MODE_PROCESS : 0);
	unsigned missing = named & ~possible, untried = 0;
	char names[64];

	ret->modes = named & possible;
	ret->as_wished = missing == 0;
	if (!ret->modes) {
		untried = or_auto ? OCFG_MODE_PRELOAD | OCFG_MODE_NOTIFY : OCFG_MODE_PRELOAD;
		ret->modes = possible & untried & OCFG_MODE_PRELOAD ? OCFG_MODE_PRELOAD
								    : possible & untried;
	}
	ocfg_mode_format(ret->modes ? ret->modes : named, names, sizeof(names));
	if (ret->as_wished) {
		say(ret, "%s was asked for", names);
		return;
	}
	say_missing(features, ret->modes ? missing : missing | OCFG_MODE_PRELOAD, ret);
	if (ret->modes)
		say(ret, ", so %s takes its place", names);
}

/* No region is left alone where the whole process is mergeable. */
static void mention_min_size(const struct ocfg_wishes *wishes, struct ocfg_decision *ret)
{
	if (ret->modes & OCFG_MODE_PROCESS && wishes->min_size)
		say(ret,
		    ", whatever the size of a region: min-size has no effect on whole processes");
}

/* Whoever reads the log or status must see what it costs. */
static void choose_layout(const struct ocfg_features *features, const struct ocfg_wishes *wishes,
			  struct ocfg_decision *ret)
{
	if (ret->modes == 0 || !wishes->layout_shared)
		return;
	if (features->no_layout) {
		ret->as_wished = false;
		say(ret, ", but not oci-ksm/layout=shared: %s", features->no_layout);
		return;
	}
	ret->layout_shared = true;
	say(ret, "; " OCFG_POLICY_LAYOUT);
}

void ocfg_policy_choose(const struct ocfg_features *features, const struct ocfg_wishes *wishes,
			struct ocfg_decision *ret)
{
	unsigned named = wishes->modes & ~(unsigned)OCFG_MODE_AUTO;

	*ret = (struct ocfg_decision){.as_wished = wishes->modes == 0};
	if (wishes->modes == 0) {
		say(ret, "merging was not asked for");
	} else if (wishes->domain_is_uncertain) {
		say(ret, "its trust domain is not certain: " OCFG_NAMESPACE_CONTAINERD
			 " and " OCFG_NAMESPACE_CRIO " name different namespaces, or none");
	} else if (!features->ksm) {
		say(ret, "this kernel has no KSM (CONFIG_KSM)");
	} else {
		if (named == 0)
			choose_auto(features, wishes, ret);
		else
			choose_named(features, named, wishes->modes & OCFG_MODE_AUTO, ret);
		mention_min_size(wishes, ret);
		choose_layout(features, wishes, ret);
	}
}

bool ocfg_policy_needs_process(const struct ocfg_features *features,
			       const struct ocfg_wishes *wishes)
{
	if (!features->ksm)
		return false;
	return wishes->modes & OCFG_MODE_PROCESS || (is_auto(wishes) && wishes->min_size == 0);
}

bool ocfg_policy_needs_program(const struct ocfg_features *features,
			       const struct ocfg_wishes *wishes)
{
	return features->ksm && is_auto(wishes) && !takes_process(features, wishes);
}

bool ocfg_policy_needs_notify(const struct ocfg_features *features,
			      const struct ocfg_wishes *wishes)
{
	if (!features->ksm)
		return false;
	if (is_auto(wishes))
		return !takes_process(features, wishes) &&
		       !(features->preload && is_dynamic(features));
	return wishes->modes & OCFG_MODE_NOTIFY ||
	       (wishes->modes & OCFG_MODE_AUTO && !features->preload);
}
