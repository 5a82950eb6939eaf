/* SPDX-License-Identifier: Apache-2.0 */
/* Who wishes what of the host's KSM, what that makes together, and what is to be written for it. */
#include <unistd.h>

#include "hook/common/ksm_wishes.h"

/* What ksmd gets through with one CPU, where no advisor measures it: some 5 us a page with 4-KiB pages and a tree of 100,000. */
#define PAGES_PER_SECOND 200000

/* What the kernel sets pages_to_scan to when the advisor is switched off. */
#define AFTER_ADVISOR 100

static int64_t or_else(int64_t wish, int64_t other)
{
	return wish == KSM_UNKNOWN ? other : wish;
}

/* Would ksmd scan as fast without the boost? */
static bool is_fast(const struct ksm_knobs *knobs, int64_t boost)
{
	int64_t sleep = knobs->value[KSM_SLEEP_MILLISECS];

	if (knobs->value[KSM_ADVISOR_MODE] == KSM_ADVISOR_SCAN_TIME)
		return false;
	return sleep == 0 || knobs->value[KSM_PAGES_TO_SCAN] / sleep >= boost / KSM_BOOST_SLEEP;
}

static void add_boost(const struct ksm_knobs *before, int64_t boost, struct ksm_knobs *ret)
{
	struct ksm_knobs without;

	for (int knob = 0; knob < KSM_KNOBS; knob++)
		without.value[knob] = or_else(ret->value[knob], before->value[knob]);
	if (boost == 0 || without.value[KSM_RUN] != 1 || is_fast(&without, boost))
		return;
	ret->value[KSM_ADVISOR_MODE] = KSM_ADVISOR_NONE;
	ret->value[KSM_PAGES_TO_SCAN] = boost;
	ret->value[KSM_SLEEP_MILLISECS] = KSM_BOOST_SLEEP;
	/* It would leave pages out that had no equal so far: those of a container whose first copy now starts. */
	ret->value[KSM_SMART_SCAN] = 0;
}

void ksm_wishes_decide(const struct ksm_knobs *before, const struct ksm_wishes *wishes,
		       struct ksm_knobs *ret)
{
	*ret = wishes->tune;
	if (wishes->pressure != KSM_PRESSURE_NONE &&
	    or_else(ret->value[KSM_RUN], before->value[KSM_RUN]) != 2)
		ret->value[KSM_RUN] = wishes->pressure == KSM_PRESSURE_SCAN;
	add_boost(before, wishes->boost, ret);
	for (int knob = 0; knob < KSM_KNOBS; knob++)
		if (before->value[knob] == KSM_UNKNOWN)
			ret->value[knob] = KSM_UNKNOWN;
	if (ret->value[KSM_ADVISOR_MODE] == KSM_ADVISOR_SCAN_TIME)
		ret->value[KSM_PAGES_TO_SCAN] = KSM_UNKNOWN;
}

static bool is_ours(const struct ksm_held *held, int64_t now)
{
	return !held->held || held->wrote == KSM_UNKNOWN || now == held->wrote ||
	       now == held->before || now == held->was;
}

static void add(struct ksm_plan *plan, enum ksm_knob knob, enum ksm_step_kind kind, int64_t from,
		int64_t to)
{
	plan->step[plan->count++] =
		(struct ksm_step){.knob = knob, .kind = kind, .from = from, .to = to};
}

static void plan_wish(enum ksm_knob knob, int64_t now, int64_t wish, bool asked,
		      struct ksm_held *held, struct ksm_plan *plan)
{
	if (!asked && !is_ours(held, now)) {
		if (!held->refused)
			add(plan, knob, KSM_STEP_REFUSE, now, wish);
		held->refused = true;
		return;
	}
	if (now != wish)
		add(plan, knob, KSM_STEP_WRITE, now, wish);
	/* What is as wished already is held, too: if somebody changes it later, that is seen. */
	/* The way back from 1 is never 2, which would take all merging on the host back: ksmd just stops. */
	if (!held->held)
		held->before = knob == KSM_RUN && now == 2 ? 0 : now;
	held->held = true;
	held->refused = false;
	held->was = now;
	held->wrote = wish;
}

static void plan_release(enum ksm_knob knob, int64_t now, struct ksm_held *held,
			 struct ksm_plan *plan)
{
	enum ksm_step_kind kind = KSM_STEP_RESTORE;

	if (now == held->before || held->before == KSM_UNKNOWN)
		kind = KSM_STEP_FORGET;
	else if (!is_ours(held, now))
		kind = KSM_STEP_LEAVE;
	add(plan, knob, kind, now, held->before);
	if (kind != KSM_STEP_RESTORE)
		*held = (struct ksm_held){0};
	else
		held->was = now;
}

static int64_t advisor_to_be(const struct ksm_plan *plan, int64_t now)
{
	for (unsigned i = 0; i < plan->count; i++)
		if (plan->step[i].knob == KSM_ADVISOR_MODE &&
		    plan->step[i].kind <= KSM_STEP_RESTORE)
			return plan->step[i].to;
	return now;
}

/* pages_to_scan, once the advisor is planned: switching that changes this, and while it is on this cannot be written. */
static void plan_pages(const struct ksm_knobs *now, int64_t wish, bool asked,
		       struct ksm_held held[KSM_KNOBS], struct ksm_plan *plan)
{
	const struct ksm_held *mode = &held[KSM_ADVISOR_MODE];
	struct ksm_held *pages = &held[KSM_PAGES_TO_SCAN];
	int64_t current = now->value[KSM_ADVISOR_MODE], value = now->value[KSM_PAGES_TO_SCAN];
	bool resets = current == KSM_ADVISOR_SCAN_TIME;

	if (advisor_to_be(plan, current) == KSM_ADVISOR_SCAN_TIME) {
		/* Where the advisor was on before us there is no old value. */
		bool old = mode->held && mode->before != KSM_ADVISOR_SCAN_TIME;

		*pages = (struct ksm_held){.held = old,
					   .before = pages->held ? pages->before : value,
					   .wrote = KSM_UNKNOWN};
		return;
	}
	if (resets)
		pages->wrote = KSM_UNKNOWN;
	else if (pages->held && pages->wrote == KSM_UNKNOWN)
		pages->wrote = pages->was = -1; /* somebody else has switched the advisor off */
	if (wish != KSM_UNKNOWN)
		plan_wish(KSM_PAGES_TO_SCAN, resets ? KSM_UNKNOWN : value, wish, asked || resets,
			  pages, plan);
	else if (pages->held)
		plan_release(KSM_PAGES_TO_SCAN, resets ? KSM_UNKNOWN : value, pages, plan);
	if (!resets)
		return;
	pages->was = AFTER_ADVISOR;
	if (pages->wrote == KSM_UNKNOWN)
		pages->wrote = AFTER_ADVISOR;
	if (plan->count > 0 && plan->step[plan->count - 1].knob == KSM_PAGES_TO_SCAN)
		plan->step[plan->count - 1].from = value;
}

static void plan_knob(enum ksm_knob knob, const struct ksm_knobs *now, int64_t wish, bool asked,
		      struct ksm_held held[KSM_KNOBS], struct ksm_plan *plan)
{
	if (now->value[knob] == KSM_UNKNOWN)
		return;
	if (knob == KSM_PAGES_TO_SCAN)
		plan_pages(now, wish, asked, held, plan);
	else if (wish != KSM_UNKNOWN)
		plan_wish(knob, now->value[knob], wish, asked, &held[knob], plan);
	else if (held[knob].held)
		plan_release(knob, now->value[knob], &held[knob], plan);
}

void ksm_wishes_plan(const struct ksm_wishes *wishes, const struct ksm_knobs *now, bool asked,
		     struct ksm_held held[KSM_KNOBS], struct ksm_plan *ret)
{
	struct ksm_knobs before, wish;
	bool first;

	for (int knob = 0; knob < KSM_KNOBS; knob++)
		before.value[knob] = held[knob].held ? or_else(held[knob].before, now->value[knob])
						     : now->value[knob];
	ksm_wishes_decide(&before, wishes, &wish);
	/* ksmd stops before it is set otherwise, and starts after that. */
	first = or_else(wish.value[KSM_RUN], before.value[KSM_RUN]) != 1;
	*ret = (struct ksm_plan){0};
	if (first)
		plan_knob(KSM_RUN, now, wish.value[KSM_RUN], asked, held, ret);
	for (enum ksm_knob knob = KSM_RUN + 1; knob < KSM_KNOBS; knob++)
		plan_knob(knob, now, wish.value[knob], asked, held, ret);
	if (!first)
		plan_knob(KSM_RUN, now, wish.value[KSM_RUN], asked, held, ret);
}

static int64_t given(int64_t setting, int64_t otherwise)
{
	return setting == OCFG_KSM_UNSET ? otherwise : setting;
}

/* Batches of `sleep` ms distance, so many pages each that all memory is gone through in time, but with no more CPU than allowed. */
static int64_t pages_for(int64_t memory, int64_t seconds, int64_t cpu, int64_t sleep)
{
	int64_t a_second = memory / sysconf(_SC_PAGESIZE) / seconds;
	int64_t most = PAGES_PER_SECOND * cpu / 100;
	int64_t pages = (a_second < most ? a_second : most) * sleep / 1000;

	return pages < 100 ? 100 : pages;
}

void ksm_wishes_tune(const struct ocfg_ksm *settings, const struct ksm_knobs *now, int64_t memory,
		     struct ksm_knobs *ret)
{
	int64_t seconds = given(settings->scan_time, KSM_TUNE_SCAN_TIME);
	int64_t cpu = given(settings->cpu, KSM_TUNE_CPU);
	bool fixed = settings->pages_to_scan != OCFG_KSM_UNSET ||
		     settings->sleep_millisecs != OCFG_KSM_UNSET;

	*ret = KSM_KNOBS_NONE;
	ret->value[KSM_RUN] = 1;
	if (now->value[KSM_SMART_SCAN] != KSM_UNKNOWN)
		ret->value[KSM_SMART_SCAN] = 0;
	if (now->value[KSM_ADVISOR_MODE] != KSM_UNKNOWN)
		ret->value[KSM_ADVISOR_MODE] = fixed ? KSM_ADVISOR_NONE : KSM_ADVISOR_SCAN_TIME;
	if (fixed || now->value[KSM_ADVISOR_MODE] == KSM_UNKNOWN) {
		int64_t sleep = given(settings->sleep_millisecs, 20);

		ret->value[KSM_SLEEP_MILLISECS] = sleep;
		ret->value[KSM_PAGES_TO_SCAN] =
			given(settings->pages_to_scan, pages_for(memory, seconds, cpu, sleep));
	} else {
		ret->value[KSM_ADVISOR_TARGET_SCAN_TIME] = seconds;
		ret->value[KSM_ADVISOR_MAX_CPU] = cpu;
	}
	if (settings->smart_scan != OCFG_KSM_UNSET)
		ret->value[KSM_SMART_SCAN] = settings->smart_scan;
	if (settings->use_zero_pages != OCFG_KSM_UNSET)
		ret->value[KSM_USE_ZERO_PAGES] = settings->use_zero_pages;
	if (settings->max_page_sharing != OCFG_KSM_UNSET)
		ret->value[KSM_MAX_PAGE_SHARING] = settings->max_page_sharing;
	if (settings->merge_across_nodes != OCFG_KSM_UNSET)
		ret->value[KSM_MERGE_ACROSS_NODES] = settings->merge_across_nodes;
}
