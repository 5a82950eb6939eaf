/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of figures: what is chosen of them, their order and sums. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook/cli/figures.h"
#include "hook/cli/targets.h"
#include "hook/common/ksm.h"
#include "oci-config/cleanup.h"
#include "oci-config/mode.h"

void figures_add(int64_t *sum, int64_t value)
{
	*sum = *sum == KSM_UNKNOWN || value == KSM_UNKNOWN ? KSM_UNKNOWN : *sum + value;
}

static void done(struct figures *figures)
{
	ocfg_record_done(&figures->record);
	switched_done(&figures->switched);
	free(figures->name);
	free(figures->pids);
}

void figures_free(struct figures *figures, size_t count)
{
	for (size_t i = 0; i < count; i++)
		done(&figures[i]);
	free(figures);
}

const char *figures_mode(const struct figures *figures, char *buf, size_t size)
{
	const struct switched *switched = &figures->switched;

	if (switched->id && switched->merging && !figures->record.modes) {
		snprintf(buf, size, "enabled");
		return buf;
	}
	return ocfg_mode_format(switched->id && !switched->merging ? 0 : figures->record.modes, buf,
				size);
}

const char *figures_reason(const struct figures *figures)
{
	return figures->switched.id ? figures->switched.reason : figures->record.reason;
}

static int64_t key_of(const struct figures *figures, enum figures_key key)
{
	switch (key) {
	case FIGURES_SAVED:
		return figures->saved;
	case FIGURES_MERGED:
		return figures->merged;
	case FIGURES_ANONYMOUS:
		return figures->anonymous;
	case FIGURES_PROCESSES:
		return figures->processes;
	case FIGURES_ID:
		break;
	}
	return 0;
}

struct order {
	enum figures_key key;
	bool reverse;
};

static int compare(const void *a, const void *b, void *data)
{
	const struct figures *left = a, *right = b;
	const struct order *order = data;
	int64_t l = key_of(left, order->key), r = key_of(right, order->key);
	int by_id = strcmp(left->record.id, right->record.id);

	if (order->key == FIGURES_ID)
		return order->reverse ? -by_id : by_id;
	if (l == r)
		return by_id;
	if (l == KSM_UNKNOWN || r == KSM_UNKNOWN)
		return l == KSM_UNKNOWN ? 1 : -1;
	return (l < r) == order->reverse ? -1 : 1;
}

void figures_sort(struct figures *figures, size_t count, enum figures_key key, bool reverse)
{
	struct order order = {key, reverse};

	if (count)
		qsort_r(figures, count, sizeof(*figures), compare, &order);
}

static void leave(struct figures *figures, size_t *count, const bool *marks)
{
	size_t kept = 0;

	for (size_t i = 0; i < *count; i++) {
		if (marks[i])
			figures[kept++] = figures[i];
		else
			done(&figures[i]);
	}
	*count = kept;
}

static bool has_one_of(const struct figures *figures, const struct target *target)
{
	for (size_t i = 0; i < figures->count; i++)
		for (size_t n = 0; n < target->count; n++)
			if (figures->pids[i] == target->pids[n])
				return true;
	return false;
}

int figures_select(struct figures *figures, size_t *count, const struct target *targets,
		   char *const *args, size_t target_count, struct error *err)
{
	cleanup_free bool *marks = calloc(*count + 1, sizeof(*marks));

	if (!marks)
		return error_set(err, ENOMEM, "list of containers");
	for (size_t n = 0; n < target_count; n++) {
		bool found = false;

		for (size_t i = 0; i < *count; i++)
			if (has_one_of(&figures[i], &targets[n]))
				marks[i] = found = true;
		if (!found)
			return error_set(err, EINVAL,
					 "%s: it has not asked to be merged, nor was it enabled",
					 args[n]);
	}
	leave(figures, count, marks);
	return 0;
}

void figures_total(const struct figures *figures, size_t count, struct figures *ret)
{
	struct figures total = {0};

	for (size_t i = 0; i < count; i++) {
		total.processes += figures[i].processes;
		figures_add(&total.mergeable, figures[i].mergeable);
		figures_add(&total.anonymous, figures[i].anonymous);
		figures_add(&total.merged, figures[i].merged);
		figures_add(&total.zero, figures[i].zero);
		figures_add(&total.scanned, figures[i].scanned);
		figures_add(&total.saved, figures[i].saved);
		figures_add(&total.share, figures[i].share);
		figures_add(&total.change, figures[i].change);
		figures_add(&total.trend, figures[i].trend);
		figures_add(&total.ksmd, figures[i].ksmd);
	}
	*ret = total;
}
