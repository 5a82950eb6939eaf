/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of all containers and runs that have records: what `status` and `metrics` show. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hook/cli/figures.h"
#include "hook/cli/known.h"
#include "hook/common/ksm.h"
#include "hook/common/proc.h"

/* What is not known of one process is not known of all. */
static void add(int64_t *sum, int64_t value)
{
	*sum = *sum == KSM_UNKNOWN || value == KSM_UNKNOWN ? KSM_UNKNOWN : *sum + value;
}

static int64_t merged_bytes(const struct ksm_process *ksm)
{
	int64_t pages = ksm->merging_pages;

	if (pages == KSM_UNKNOWN)
		return KSM_UNKNOWN;
	if (ksm->zero_pages != KSM_UNKNOWN)
		pages += ksm->zero_pages;
	return pages * sysconf(_SC_PAGESIZE);
}

static int64_t is_mergeable(const struct ksm_process *ksm)
{
	if (ksm->merge_any == 1)
		return 1;
	return ksm->mergeable;
}

static void sum_up(const struct cgroup_container *container, struct figures *ret)
{
	for (size_t i = 0; i < container->count; i++) {
		struct ksm_process ksm;

		/* Gone meanwhile, or a zombie, which has no memory. */
		if (ksm_process_read(container->pids[i], &ksm, NULL) < 0 ||
		    ksm.anonymous == KSM_UNKNOWN)
			continue;
		ret->processes++;
		add(&ret->mergeable, is_mergeable(&ksm));
		add(&ret->anonymous, ksm.anonymous);
		add(&ret->merged, merged_bytes(&ksm));
		add(&ret->saved, ksm.profit);
	}
}

/* Takes the records that it keeps out of their array. */
static size_t take(struct known *known, struct figures *ret)
{
	size_t kept = 0;

	for (size_t i = 0; i < known->count; i++) {
		const struct cgroup_container *container = &known->containers[i];
		struct figures figures = {0};
		struct proc_stat stat = {0};

		sum_up(container, &figures);
		if (!figures.processes)
			continue;
		(void)proc_stat_read(container->pid > 0 ? container->pid : container->pids[0],
				     &stat, NULL);
		snprintf(figures.command, sizeof(figures.command), "%s", stat.comm);
		figures.record = known->records[i];
		known->records[i] = (struct ocfg_record){0};
		ret[kept++] = figures;
	}
	return kept;
}

int figures_load(struct figures **ret, size_t *ret_count, struct error *err)
{
	struct figures *figures;
	struct known known = {0};
	int rc = known_load(&known, err);

	if (rc < 0)
		return rc;
	figures = calloc(known.count + 1, sizeof(*figures));
	if (figures) {
		*ret_count = take(&known, figures);
		*ret = figures;
	} else {
		rc = error_set(err, ENOMEM, "list of containers");
	}
	known_done(&known);
	return rc;
}

void figures_free(struct figures *figures, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ocfg_record_done(&figures[i].record);
	free(figures);
}
