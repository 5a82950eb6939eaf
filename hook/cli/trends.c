/* SPDX-License-Identifier: Apache-2.0 */
/* What `top` knows beyond one look: changes since the last one and since the first. */
#include "hook/cli/trends.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hook/common/ksm.h"

struct trend {
	char *id;
	int64_t first, last; /* saved; KSM_UNKNOWN: not seen yet */
};

static int compare(const void *a, const void *b)
{
	const struct trend *left = a, *right = b;

	return strcmp(left->id, right->id);
}

static int64_t difference(int64_t now, int64_t then)
{
	return now == KSM_UNKNOWN || then == KSM_UNKNOWN ? KSM_UNKNOWN : now - then;
}

static void free_list(struct trend *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(list[i].id);
	free(list);
}

/* The new list: of those that are there now. */
static int follow(struct trends *trends, struct figures *figures, size_t count)
{
	struct trend *list = calloc(count + 1, sizeof(*list));

	for (size_t i = 0; list && i < count; i++) {
		struct trend *next = &list[i], *old = NULL;
		int64_t saved = figures[i].saved;

		*next = (struct trend){strdup(figures[i].record.id), saved, saved};
		if (!next->id) {
			free_list(list, i);
			return -ENOMEM;
		}
		if (trends->count)
			old = bsearch(next, trends->list, trends->count, sizeof(*next), compare);
		if (!old)
			continue;
		figures[i].change = difference(saved, old->last);
		figures[i].trend = difference(saved, old->first);
		if (old->first != KSM_UNKNOWN)
			next->first = old->first;
	}
	if (!list)
		return -ENOMEM;
	free_list(trends->list, trends->count);
	trends->list = list;
	trends->count = count;
	return 0;
}

/* ksmd's CPU time, and what of it was for each. */
static void divide(struct trends *trends, struct figures *figures, size_t count,
		   const struct host_ksm *host, double time)
{
	trends->interval = trends->ksmd = -1;
	if (trends->looks && time > trends->time) {
		trends->interval = time - trends->time;
		if (host->cpu_seconds >= 0 && trends->cpu_seconds >= 0)
			trends->ksmd = (host->cpu_seconds - trends->cpu_seconds) / trends->interval;
	}
	trends->cpu_seconds = host->cpu_seconds;
	trends->time = time;
	for (size_t i = 0; i < count && trends->ksmd >= 0; i++)
		if (figures[i].share != KSM_UNKNOWN)
			figures[i].ksmd = (int64_t)((double)figures[i].share * trends->ksmd + 0.5);
}

int trends_update(struct trends *trends, struct figures *figures, size_t count,
		  struct figures *total, const struct host_ksm *host, double time,
		  struct error *err)
{
	if (follow(trends, figures, count) < 0)
		return error_set(err, ENOMEM, "list of containers");
	divide(trends, figures, count, host, time);
	figures_total(figures, count, total);
	total->change = total->trend = KSM_UNKNOWN;
	if (trends->ksmd < 0)
		total->ksmd = KSM_UNKNOWN;
	if (trends->looks) {
		total->change = difference(total->saved, trends->last);
		total->trend = difference(total->saved, trends->first);
	}
	if (!trends->looks || trends->first == KSM_UNKNOWN)
		trends->first = total->saved;
	trends->last = total->saved;
	trends->looks++;
	return 0;
}

void trends_done(struct trends *trends)
{
	free_list(trends->list, trends->count);
	*trends = (struct trends){0};
}
