/* SPDX-License-Identifier: Apache-2.0 */
/* The steward's boost and pressure, second by second, without a kernel. */
#include "hook/common/ksm_wishes.h"
#include "hook/notify/steward/boost.h"
#include "hook/notify/steward/pressure.h"
#include "tests/unit/unit.h"

static const struct ocfg_boost settings = {.on = true, .cpu = 50, .seconds = 60};

/* A host whose ksmd needs `page_time` us a page, has `tracked` pages, and gets `share` of the CPU time that it wants. */
struct host {
	struct boost_sample sample;
	double page_time, share;
	double scanned; /* of this scan */
};

static void second(struct host *host, const struct boost *boost)
{
	double batch = (double)(boost->pages ? boost->pages : 100) * host->page_time / 1e6;
	double rounds = 1 / (KSM_BOOST_SLEEP / 1000.0 + batch / host->share);

	host->sample.now += BOOST_STEP;
	host->sample.cpu += batch * rounds;
	host->scanned += rounds * (double)(boost->pages ? boost->pages : 100);
	while (host->scanned >= (double)host->sample.tracked + 1000) {
		host->scanned -= (double)host->sample.tracked + 1000;
		host->sample.full_scans++;
	}
}

/* Seconds until it is over; the most CPU that a second of it took is in *ret_most, the last one's in *ret_last. */
static int boost_of(struct host *host, struct boost *boost, double *ret_most, double *ret_last)
{
	int seconds = 0;

	*ret_most = 0;
	boost_begin(boost, &settings, &host->sample);
	while (boost->pages) {
		double before = host->sample.cpu;

		second(host, boost);
		*ret_last = host->sample.cpu - before;
		*ret_most = *ret_last > *ret_most ? *ret_last : *ret_most;
		boost_step(boost, &settings, &host->sample);
		assert_true(++seconds < 1000);
	}
	return seconds;
}

static void ends_after_two_scans(void **state)
{
	static const struct {
		const char *what;
		int64_t tracked;
		double page_time, share;
		int least, most; /* seconds */
	} cases[] = {
		{"a host with little memory", 20000, 5, 1, 8, 9},
		{"1 GiB", 262144, 5, 1, 8, 13},
		{"4 GiB: as long as three scans take", 1 << 20, 5, 1, 22, 40},
		{"64 GiB: given up", 16 << 20, 5, 1, 60, 60},
		{"a slow machine", 262144, 40, 1, 30, 60},
		{"a busy one", 262144, 5, 0.1, 20, 60},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct host host = {
			.sample = {.now = 5000, .full_scans = 7, .tracked = cases[i].tracked},
			.page_time = cases[i].page_time,
			.share = cases[i].share};
		struct boost boost = {0};
		double most = 0, last = 0;
		int seconds = boost_of(&host, &boost, &most, &last);

		if (seconds < cases[i].least || seconds > cases[i].most)
			fail_msg("%s: %d s", cases[i].what, seconds);
		/* One second's measurement is needed where pages take longer than thought. */
		if (last > 0.6 || most > 0.95)
			fail_msg("%s: %g of a CPU, %g at last", cases[i].what, most, last);
	}
}

static void goes_on_while_memory_grows(void **state)
{
	struct host host = {.sample = {.tracked = 10000}, .page_time = 1, .share = 1};
	struct boost boost = {0};
	int64_t scans;

	(void)state;
	boost_begin(&boost, &settings, &host.sample);
	for (int i = 0; i < 20; i++) {
		second(&host, &boost);
		host.sample.tracked += 5000;
		boost_step(&boost, &settings, &host.sample);
		assert_true(boost.pages > 0);
	}
	scans = host.sample.full_scans;
	while (boost.pages) {
		second(&host, &boost);
		boost_step(&boost, &settings, &host.sample);
	}
	assert_true(host.sample.full_scans >= scans + 2);
	assert_true(host.sample.now < 30000);
}

static void starts_extend_it_but_not_for_ever(void **state)
{
	struct host host = {.sample = {.tracked = 1 << 24}, .page_time = 5, .share = 1};
	struct boost boost = {0};
	int boosted = 0;

	(void)state;
	for (int i = 0; i < 600; i++) {
		boost_begin(&boost, &settings, &host.sample);
		boosted += boost.pages > 0;
		second(&host, &boost);
		boost_step(&boost, &settings, &host.sample);
	}
	assert_in_range(boosted, 450, 490);
}

static void pages_without_figures_of_the_cpu(void **state)
{
	struct host host = {.sample = {.tracked = 1 << 24, .cpu = -1}, .page_time = 5, .share = 1};
	struct boost boost = {0};
	int64_t pages;

	(void)state;
	boost_begin(&boost, &settings, &host.sample);
	pages = boost.pages;
	assert_int_equal(pages, 4000);
	for (int i = 0; i < 10; i++) {
		second(&host, &boost);
		host.sample.cpu = -1;
		boost_step(&boost, &settings, &host.sample);
	}
	assert_int_equal(boost.pages, pages);
}

struct moment {
	double available, stall;
	int64_t scans;
	bool scan;
};

static void follow(const struct ocfg_pressure *limits, const struct moment *moments, size_t count)
{
	struct pressure pressure = {0};

	for (size_t i = 0; i < count; i++) {
		struct pressure_sample sample = {.now = (int64_t)i * PRESSURE_STEP,
						 .full_scans = moments[i].scans,
						 .available = moments[i].available,
						 .stall = moments[i].stall};

		pressure_step(&pressure, limits, &sample);
		if (pressure.scan != moments[i].scan)
			fail_msg("moment %zu: %d", i, pressure.scan);
	}
}

static void scans_while_memory_is_short(void **state)
{
	static const struct ocfg_pressure available = {true, 20, 0}, stall = {true, 0, 10},
					  both = {true, 20, 10}, all = {true, 100, 0};
	static const struct moment by_available[] = {
		{50, 90, 0, false}, {20, 0, 0, false},	{19.9, 0, 5, true}, {24.9, 0, 20, true},
		{25, 0, 20, false}, {21, 0, 30, false}, {19, 0, 30, true},  {60, 0, 30, true},
		{60, 0, 32, true},  {60, 0, 33, false}, {-1, 0, 33, false},
	};
	static const struct moment by_stall[] = {
		{1, 9.9, 0, false}, {1, 10, 0, true}, {1, 5.1, 9, true},  {1, 5, 9, false},
		{1, -1, 9, false},  {1, 11, 9, true}, {1, -1, 99, false},
	};
	static const struct moment by_both[] = {
		{50, 0, 0, false}, {50, 10, 0, true}, {15, 0, 9, true},
		{30, 6, 9, true},  {30, 5, 9, false}, {15, 0, 9, true},
	};
	static const struct moment always[] = {
		{98, 0, 0, true},
		{98.9, 0, 99, true},
		{99.5, 0, 99, true},
	};

	(void)state;
	follow(&available, by_available, COUNT(by_available));
	follow(&stall, by_stall, COUNT(by_stall));
	follow(&both, by_both, COUNT(by_both));
	follow(&all, always, COUNT(always));
}

static void rests_after_ten_minutes_without_scans(void **state)
{
	static const struct ocfg_pressure limits = {true, 20, 0};
	struct pressure pressure = {0};
	struct pressure_sample sample = {.available = 10};

	(void)state;
	pressure_step(&pressure, &limits, &sample);
	sample.available = 90;
	for (; pressure.scan; sample.now += PRESSURE_STEP)
		pressure_step(&pressure, &limits, &sample);
	assert_in_range(sample.now, PRESSURE_LONGEST, PRESSURE_LONGEST + 2 * PRESSURE_STEP);
}

static void reads_this_machine(void **state)
{
	struct pressure_sample sample = {0};

	(void)state;
	pressure_read(&sample);
	assert_true(sample.available > 0 && sample.available <= 100);
	assert_true(sample.stall <= 100);
	assert_true((sample.stall >= 0) == (access("/proc/pressure/memory", R_OK) == 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_after_two_scans),
		cmocka_unit_test(goes_on_while_memory_grows),
		cmocka_unit_test(starts_extend_it_but_not_for_ever),
		cmocka_unit_test(pages_without_figures_of_the_cpu),
		cmocka_unit_test(scans_while_memory_is_short),
		cmocka_unit_test(rests_after_ten_minutes_without_scans),
		cmocka_unit_test(reads_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
