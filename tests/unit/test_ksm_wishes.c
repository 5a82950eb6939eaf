/* SPDX-License-Identifier: Apache-2.0 */
/* What the host's KSM has to be from all wishes, what is written for it, and that it is put back: as tables, without a kernel. */
#include "hook/common/ksm_wishes.h"
#include "tests/unit/unit.h"

#define U KSM_UNKNOWN

/* A host of 6.8 and later at the kernel's defaults. */
static const struct ksm_knobs plain = {{0, KSM_ADVISOR_NONE, 200, 70, 100, 20, 1, 0, 256, 1}};
static const struct ksm_knobs scanning = {{1, KSM_ADVISOR_NONE, 200, 70, 100, 20, 1, 0, 256, 1}};
static const struct ksm_knobs fast = {{1, KSM_ADVISOR_NONE, 200, 70, 50000, 20, 0, 0, 256, 1}};
static const struct ksm_knobs advised = {
	{1, KSM_ADVISOR_SCAN_TIME, 200, 70, 731, 20, 1, 0, 256, 1}};
static const struct ksm_knobs unmerging = {{2, KSM_ADVISOR_NONE, 200, 70, 100, 20, 1, 0, 256, 1}};
/* 5.10 without NUMA. */
static const struct ksm_knobs old = {{1, U, U, U, 100, 20, U, 0, 256, U}};

#define TUNED                                                              \
	{                                                                  \
		{                                                          \
			1, KSM_ADVISOR_SCAN_TIME, 60, 30, U, U, 0, U, U, U \
		}                                                          \
	}
#define NO_TUNE                                      \
	{                                            \
		{                                    \
			U, U, U, U, U, U, U, U, U, U \
		}                                    \
	}

static const struct decision {
	const char *what;
	const struct ksm_knobs *before;
	struct ksm_wishes wishes;
	struct ksm_knobs wanted;
} decisions[] = {
	{"nobody wishes", &plain, {NO_TUNE, 0, KSM_PRESSURE_NONE}, NO_TUNE},
	{"tune", &plain, {TUNED, 0, KSM_PRESSURE_NONE}, TUNED},
	{"tune on an old kernel",
	 &old,
	 {{{1, U, U, U, 500, 20, 0, 1, U, 1}}, 0, KSM_PRESSURE_NONE},
	 {{1, U, U, U, 500, 20, U, 1, U, U}}},
	{"boost",
	 &scanning,
	 {NO_TUNE, 4000, KSM_PRESSURE_NONE},
	 {{U, 0, U, U, 4000, 20, 0, U, U, U}}},
	{"boost does not start ksmd", &plain, {NO_TUNE, 4000, KSM_PRESSURE_NONE}, NO_TUNE},
	{"boost does not slow it down", &fast, {NO_TUNE, 4000, KSM_PRESSURE_NONE}, NO_TUNE},
	{"boost instead of the advisor",
	 &advised,
	 {NO_TUNE, 4000, KSM_PRESSURE_NONE},
	 {{U, 0, U, U, 4000, 20, 0, U, U, U}}},
	{"boost over tune",
	 &plain,
	 {TUNED, 4000, KSM_PRESSURE_NONE},
	 {{1, 0, 60, 30, 4000, 20, 0, U, U, U}}},
	{"boost on an old kernel",
	 &old,
	 {NO_TUNE, 4000, KSM_PRESSURE_NONE},
	 {{U, U, U, U, 4000, 20, U, U, U, U}}},
	{"rest", &scanning, {NO_TUNE, 0, KSM_PRESSURE_REST}, {{0, U, U, U, U, U, U, U, U, U}}},
	{"scan", &plain, {NO_TUNE, 0, KSM_PRESSURE_SCAN}, {{1, U, U, U, U, U, U, U, U, U}}},
	{"rest over tune",
	 &plain,
	 {TUNED, 0, KSM_PRESSURE_REST},
	 {{0, KSM_ADVISOR_SCAN_TIME, 60, 30, U, U, 0, U, U, U}}},
	{"rest over boost",
	 &scanning,
	 {NO_TUNE, 4000, KSM_PRESSURE_REST},
	 {{0, U, U, U, U, U, U, U, U, U}}},
	{"scan and boost",
	 &plain,
	 {NO_TUNE, 4000, KSM_PRESSURE_SCAN},
	 {{1, 0, U, U, 4000, 20, 0, U, U, U}}},
	{"2 is the administrator's", &unmerging, {NO_TUNE, 4000, KSM_PRESSURE_SCAN}, NO_TUNE},
	{"but tune is asked for", &unmerging, {TUNED, 0, KSM_PRESSURE_NONE}, TUNED},
};

static void decides(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(decisions); i++) {
		struct ksm_knobs wanted;

		ksm_wishes_decide(decisions[i].before, &decisions[i].wishes, &wanted);
		for (enum ksm_knob knob = 0; knob < KSM_KNOBS; knob++)
			if (wanted.value[knob] != decisions[i].wanted.value[knob])
				fail_msg("%s: %s is %lld", decisions[i].what, ksm_knob_name(knob),
					 (long long)wanted.value[knob]);
	}
}

/* The kernel, as far as it matters: switching the advisor sets pages_to_scan, which cannot be written while it is on. */
static void kernel_write(struct ksm_knobs *host, enum ksm_knob knob, int64_t value)
{
	if (knob == KSM_RUN)
		assert_int_not_equal(value, 2);
	if (knob == KSM_PAGES_TO_SCAN)
		assert_true(host->value[KSM_ADVISOR_MODE] != KSM_ADVISOR_SCAN_TIME);
	if (knob == KSM_ADVISOR_MODE && value != host->value[knob])
		host->value[KSM_PAGES_TO_SCAN] = value == KSM_ADVISOR_SCAN_TIME ? 500 : 100;
	host->value[knob] = value;
}

static struct ksm_held held[KSM_KNOBS];

/* Carries a plan out; returns the number of steps. `but` is how many writes happen before we are killed. */
static unsigned carry_out(struct ksm_knobs *host, const struct ksm_wishes *wishes, bool asked,
			  unsigned but)
{
	struct ksm_plan plan;

	ksm_wishes_plan(wishes, host, asked, held, &plan);
	for (unsigned i = 0; i < plan.count && i < but; i++) {
		if (plan.step[i].kind > KSM_STEP_RESTORE)
			continue;
		kernel_write(host, plan.step[i].knob, plan.step[i].to);
		if (plan.step[i].kind == KSM_STEP_RESTORE)
			held[plan.step[i].knob] = (struct ksm_held){0};
	}
	return plan.count;
}

static void assert_host(const char *what, const struct ksm_knobs *host, const struct ksm_knobs *is)
{
	bool advised_ = is->value[KSM_ADVISOR_MODE] == KSM_ADVISOR_SCAN_TIME;

	for (enum ksm_knob knob = 0; knob < KSM_KNOBS; knob++)
		if (host->value[knob] != is->value[knob] &&
		    !(advised_ && knob == KSM_PAGES_TO_SCAN))
			fail_msg("%s: %s is %lld instead of %lld", what, ksm_knob_name(knob),
				 (long long)host->value[knob], (long long)is->value[knob]);
}

static void assert_nothing_held(void)
{
	for (enum ksm_knob knob = 0; knob < KSM_KNOBS; knob++)
		if (held[knob].held)
			fail_msg("%s is still held", ksm_knob_name(knob));
}

static const struct ksm_wishes all_wishes[] = {
	{NO_TUNE, 0, KSM_PRESSURE_NONE},
	{TUNED, 0, KSM_PRESSURE_NONE},
	{NO_TUNE, 4000, KSM_PRESSURE_NONE},
	{TUNED, 4000, KSM_PRESSURE_NONE},
	{NO_TUNE, 9000, KSM_PRESSURE_NONE},
	{NO_TUNE, 0, KSM_PRESSURE_REST},
	{NO_TUNE, 0, KSM_PRESSURE_SCAN},
	{TUNED, 4000, KSM_PRESSURE_SCAN},
	{TUNED, 0, KSM_PRESSURE_REST},
	{NO_TUNE, 4000, KSM_PRESSURE_SCAN},
	{{{1, 0, U, U, 700, 50, 1, 1, 300, 0}}, 0, KSM_PRESSURE_NONE},
};
static const struct ksm_knobs *const hosts[] = {&plain, &scanning, &fast, &advised, &old};

/* From any wishes to any others, killed after any write: the next one comes to what it wishes, and the last one puts all back. */
static void every_way_leads_back(void **state)
{
	unsigned ways = 0;

	(void)state;
	for (size_t h = 0; h < COUNT(hosts); h++)
		for (size_t a = 0; a < COUNT(all_wishes); a++)
			for (size_t b = 0; b < COUNT(all_wishes); b++)
				for (unsigned killed = 0; killed <= KSM_KNOBS; killed++) {
					struct ksm_knobs host = *hosts[h], wanted = *hosts[h], wish;

					memset(held, 0, sizeof(held));
					carry_out(&host, &all_wishes[a], false, KSM_KNOBS);
					carry_out(&host, &all_wishes[b], false, killed);
					carry_out(&host, &all_wishes[b], false, KSM_KNOBS);
					ksm_wishes_decide(hosts[h], &all_wishes[b], &wish);
					for (int k = 0; k < KSM_KNOBS; k++)
						if (wish.value[k] != U)
							wanted.value[k] = wish.value[k];
					assert_host("wanted", &host, &wanted);
					assert_int_equal(
						carry_out(&host, &all_wishes[b], false, KSM_KNOBS),
						0);
					carry_out(&host, &all_wishes[0], false, killed);
					carry_out(&host, &all_wishes[0], false, KSM_KNOBS);
					assert_host("back", &host, hosts[h]);
					assert_nothing_held();
					ways++;
				}
	assert_true(ways > 5000);
}

static void second_tune_keeps_the_first_values(void **state)
{
	struct ksm_knobs host = plain;
	struct ksm_wishes more = all_wishes[1];

	(void)state;
	memset(held, 0, sizeof(held));
	carry_out(&host, &all_wishes[1], true, KSM_KNOBS);
	more.tune.value[KSM_ADVISOR_MAX_CPU] = 10;
	assert_int_equal(carry_out(&host, &more, true, KSM_KNOBS), 1);
	assert_int_equal(held[KSM_ADVISOR_MAX_CPU].before, 70);
	carry_out(&host, &all_wishes[0], true, KSM_KNOBS);
	assert_host("back", &host, &plain);
}

static void what_others_change_is_theirs(void **state)
{
	struct ksm_knobs host = plain;
	struct ksm_plan plan;
	unsigned i = 0;

	(void)state;
	memset(held, 0, sizeof(held));
	carry_out(&host, &all_wishes[1], true, KSM_KNOBS);
	host.value[KSM_ADVISOR_MAX_CPU] = 15;
	ksm_wishes_plan(&all_wishes[0], &host, true, held, &plan);
	while (i < plan.count && plan.step[i].knob != KSM_ADVISOR_MAX_CPU)
		i++;
	assert_int_equal(plan.step[i].kind, KSM_STEP_LEAVE);
	assert_int_equal(plan.step[i].from, 15);
	assert_int_equal(plan.step[i].to, 70);
	assert_false(held[KSM_ADVISOR_MAX_CPU].held);

	/* The steward leaves it too, says so once, and a person may take it over. */
	host = scanning;
	memset(held, 0, sizeof(held));
	carry_out(&host, &all_wishes[5], false, KSM_KNOBS);
	host.value[KSM_RUN] = 2;
	assert_int_equal(carry_out(&host, &all_wishes[5], false, KSM_KNOBS), 1);
	assert_int_equal(carry_out(&host, &all_wishes[5], false, KSM_KNOBS), 0);
	assert_int_equal(host.value[KSM_RUN], 2);
	carry_out(&host, &all_wishes[1], true, KSM_KNOBS);
	assert_int_equal(host.value[KSM_RUN], 1);
}

/* Whoever has written 2 wants no merging: tune changes that, but the way back is not to 2. */
static void never_writes_2(void **state)
{
	struct ksm_knobs host = unmerging;

	(void)state;
	memset(held, 0, sizeof(held));
	assert_int_equal(carry_out(&host, &all_wishes[7], false, KSM_KNOBS), 5);
	assert_int_equal(host.value[KSM_RUN], 1);
	carry_out(&host, &all_wishes[0], false, KSM_KNOBS);
	assert_int_equal(host.value[KSM_RUN], 0);
	assert_nothing_held();
}

/* Somebody switches off the advisor that we have switched on: the speed is theirs, too. */
static void advisor_of_others(void **state)
{
	struct ksm_knobs host = plain;

	(void)state;
	memset(held, 0, sizeof(held));
	carry_out(&host, &all_wishes[1], true, KSM_KNOBS);
	kernel_write(&host, KSM_ADVISOR_MODE, KSM_ADVISOR_NONE);
	kernel_write(&host, KSM_PAGES_TO_SCAN, 1234);
	carry_out(&host, &all_wishes[0], true, KSM_KNOBS);
	assert_int_equal(host.value[KSM_PAGES_TO_SCAN], 1234);
	assert_nothing_held();
}

static void tune_asks_for_what_fits(void **state)
{
	struct ocfg_ksm_settings settings;
	struct ksm_knobs wish;

	(void)state;
	ocfg_ksm_settings_init(&settings);
	ksm_wishes_tune(&settings.ksm, &plain, (int64_t)16 << 30, &wish);
	assert_int_equal(wish.value[KSM_RUN], 1);
	assert_int_equal(wish.value[KSM_ADVISOR_MODE], KSM_ADVISOR_SCAN_TIME);
	assert_int_equal(wish.value[KSM_ADVISOR_TARGET_SCAN_TIME], KSM_TUNE_SCAN_TIME);
	assert_int_equal(wish.value[KSM_ADVISOR_MAX_CPU], KSM_TUNE_CPU);
	assert_int_equal(wish.value[KSM_SMART_SCAN], 0);
	assert_true(wish.value[KSM_PAGES_TO_SCAN] == U && wish.value[KSM_USE_ZERO_PAGES] == U);

	/* No advisor: 1 GiB in 60 s are 4369 pages a second, in batches 20 ms apart; 16 GiB take more CPU than allowed. */
	ksm_wishes_tune(&settings.ksm, &old, (int64_t)1 << 30, &wish);
	assert_true(wish.value[KSM_ADVISOR_MODE] == U);
	assert_int_equal(wish.value[KSM_SLEEP_MILLISECS], 20);
	assert_int_equal(wish.value[KSM_PAGES_TO_SCAN], 100);
	ksm_wishes_tune(&settings.ksm, &old, (int64_t)8 << 30, &wish);
	assert_int_equal(wish.value[KSM_PAGES_TO_SCAN], (8 << 18) / 60 * 20 / 1000);
	ksm_wishes_tune(&settings.ksm, &old, (int64_t)1 << 40, &wish);
	assert_int_equal(wish.value[KSM_PAGES_TO_SCAN], 1200);

	settings.ksm.pages_to_scan = 7;
	settings.ksm.use_zero_pages = 1;
	ksm_wishes_tune(&settings.ksm, &plain, (int64_t)1 << 30, &wish);
	assert_int_equal(wish.value[KSM_ADVISOR_MODE], KSM_ADVISOR_NONE);
	assert_int_equal(wish.value[KSM_PAGES_TO_SCAN], 7);
	assert_int_equal(wish.value[KSM_USE_ZERO_PAGES], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides),
		cmocka_unit_test(every_way_leads_back),
		cmocka_unit_test(second_tune_keeps_the_first_values),
		cmocka_unit_test(what_others_change_is_theirs),
		cmocka_unit_test(never_writes_2),
		cmocka_unit_test(advisor_of_others),
		cmocka_unit_test(tune_asks_for_what_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
