/* SPDX-License-Identifier: Apache-2.0 */
/* Does it pay to merge a container? */
#include "hook/notify/steward/profit_rule.h"

#include <stdio.h>

#define BOOKS 64 /* bytes of a rmap_item */

static void add(int64_t *sum, int64_t figure)
{
	*sum = *sum == KSM_UNKNOWN || figure == KSM_UNKNOWN ? KSM_UNKNOWN : *sum + figure;
}

void profit_add(struct profit_figures *sum, const struct ksm_process *process)
{
	if (process->rmap_items == KSM_UNKNOWN)
		return;
	sum->processes++;
	add(&sum->rmap_items, process->rmap_items);
	add(&sum->merging_pages, process->merging_pages);
	add(&sum->zero_pages, process->zero_pages);
	add(&sum->profit, process->profit);
}

/* Of kernels that do not tell of zero pages none merges any. */
static int64_t saved_pages(const struct profit_figures *figures)
{
	return figures->merging_pages +
	       (figures->zero_pages == KSM_UNKNOWN ? 0 : figures->zero_pages);
}

enum profit_answer profit_judge(const struct profit_figures *figures, int64_t page_size)
{
	if (figures->processes == 0 ||
	    (figures->profit == KSM_UNKNOWN && figures->merging_pages == KSM_UNKNOWN))
		return PROFIT_UNKNOWN;
	if (figures->rmap_items < PROFIT_PAGES_MIN)
		return PROFIT_PAYS;
	if (figures->profit != KSM_UNKNOWN)
		return figures->profit < 0 ? PROFIT_LOSES : PROFIT_PAYS;
	return saved_pages(figures) * page_size < figures->rmap_items * BOOKS ? PROFIT_LOSES
									      : PROFIT_PAYS;
}

enum profit_decision profit_decide(const struct ocfg_profit_guard *settings,
				   const struct profit_now *now, const struct profit_before *before)
{
	if (!before->merging)
		return before->retry_at && before->retry_at <= now->time ? PROFIT_RETRY
									 : PROFIT_KEEP;
	/* The scan that was under way then does not count. */
	if (settings->enable && now->answer == PROFIT_LOSES && now->scans > before->scans &&
	    now->scans - before->scans > settings->scans)
		return PROFIT_DISABLE;
	return PROFIT_KEEP;
}

uint64_t profit_pause(const struct ocfg_profit_guard *settings, uint64_t last)
{
	if (last == 0)
		return settings->pause;
	return last < settings->pause_max / 2 ? 2 * last : settings->pause_max;
}

static const char *size_text(int64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	snprintf(buf, size, "%.*f %s", unit > 0 && value < 10 ? 1 : 0, value, units[unit]);
	return buf;
}

const char *profit_text(const struct profit_figures *figures, int64_t page_size, char *buf,
			size_t size)
{
	char books[32], saved[32];

	if (figures->processes == 0)
		snprintf(buf, size, "no figures");
	else if (figures->merging_pages == KSM_UNKNOWN)
		snprintf(buf, size, "%lld pages watched (%s of books)",
			 (long long)figures->rmap_items,
			 size_text(figures->rmap_items * BOOKS, books, sizeof(books)));
	else
		snprintf(buf, size, "%lld pages watched (%s of books), %lld of them merged (%s)",
			 (long long)figures->rmap_items,
			 size_text(figures->rmap_items * BOOKS, books, sizeof(books)),
			 (long long)saved_pages(figures),
			 size_text(saved_pages(figures) * page_size, saved, sizeof(saved)));
	return buf;
}
