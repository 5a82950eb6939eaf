/* SPDX-License-Identifier: Apache-2.0 */
/* How long and how fast ksmd scans after containers have started. */
#include "hook/notify/steward/boost.h"

#include "hook/common/ksm_wishes.h"

/* us: what a page takes, roughly; it is the start, what ksmd really takes is looked at. */
#define PAGE_TIME 5

/* So that it takes `cpu` percent: busy / (busy + sleep). */
static int64_t first_guess(const struct ocfg_boost *settings)
{
	int64_t busy = KSM_BOOST_SLEEP * 1000 * settings->cpu / (100 - settings->cpu);
	int64_t pages = busy / PAGE_TIME;

	return pages < 100 ? 100 : pages;
}

static void set_goal(struct boost *boost, const struct boost_sample *sample, int64_t scans)
{
	boost->goal = sample->full_scans + scans;
	boost->tracked = sample->tracked;
}

void boost_begin(struct boost *boost, const struct ocfg_boost *settings,
		 const struct boost_sample *sample)
{
	if (sample->now < boost->pause_until)
		return;
	if (boost->pages == 0) {
		boost->pages = first_guess(settings);
		boost->begun = sample->now;
		boost->cpu = sample->cpu;
		boost->cpu_at = sample->now;
	}
	boost->last = sample->now;
	/* The one that is under way, in which nothing new is looked at; then two. */
	set_goal(boost, sample, 3);
}

/* Where ksmd does not get the CPU that it wants, or has little to scan, larger batches do not make it faster: not without limit. */
static void pace(struct boost *boost, const struct ocfg_boost *settings,
		 const struct boost_sample *sample)
{
	int64_t guess = first_guess(settings), least = guess / 8, most = guess * 4, pages;
	double seconds = (double)(sample->now - boost->cpu_at) / 1000;
	double used = sample->cpu - boost->cpu;

	if (sample->cpu < 0 || boost->cpu < 0 || seconds < 0.5)
		return;
	boost->cpu = sample->cpu;
	boost->cpu_at = sample->now;
	if (used * 100 > (double)settings->cpu * seconds)
		pages = (int64_t)((double)boost->pages * (double)settings->cpu / 100 * seconds /
				  used);
	else if (used * 100 < (double)settings->cpu * seconds / 2)
		pages = boost->pages * 3 / 2;
	else
		return;
	boost->pages = pages < least ? least : pages > most ? most : pages;
}

void boost_step(struct boost *boost, const struct ocfg_boost *settings,
		const struct boost_sample *sample)
{
	int64_t longest = settings->seconds * 1000;

	if (boost->pages == 0)
		return;
	/* Pages that are new in its books have been seen in the scan under way: one whole scan later they are merged. */
	if (sample->tracked > boost->tracked + boost->tracked / 256 + 64)
		set_goal(boost, sample, 2);
	if (sample->now - boost->begun >= longest * BOOST_TIMES)
		boost->pause_until = sample->now + longest;
	if (sample->now < boost->pause_until || sample->now - boost->last >= longest ||
	    (sample->full_scans >= boost->goal && sample->now - boost->last >= BOOST_SHORTEST))
		boost->pages = 0;
	else
		pace(boost, settings, sample);
}
