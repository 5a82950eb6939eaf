/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of all containers and runs that have records: what `status` and `metrics` show. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hook/cli/cli.h"
#include "hook/cli/figures.h"
#include "hook/cli/records.h"
#include "hook/common/cgroup.h"
#include "hook/common/ksm.h"
#include "hook/common/paths.h"
#include "hook/common/proc.h"
#include "oci-config/cleanup.h"

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

/* Both are sorted by ID. Takes the records that it keeps out of their array. */
static size_t take(struct ocfg_record *records, const struct cgroup_container *containers,
		   size_t count, struct figures *ret)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		struct figures figures = {0};
		struct proc_stat stat = {0};
		pid_t first = records[i].pid;

		sum_up(&containers[i], &figures);
		if (!figures.processes)
			continue;
		(void)proc_stat_read(first > 0 ? first : containers[i].pids[0], &stat, NULL);
		snprintf(figures.command, sizeof(figures.command), "%s", stat.comm);
		figures.record = records[i];
		records[i] = (struct ocfg_record){0};
		ret[kept++] = figures;
	}
	return kept;
}

static int gather(struct ocfg_record *records, size_t count, struct figures **ret,
		  size_t *ret_count, struct error *err)
{
	cleanup_free struct cgroup_container *containers = calloc(count, sizeof(*containers));
	struct figures *figures = calloc(count, sizeof(*figures));
	int rc;

	if (!containers || !figures) {
		free(figures);
		return error_set(err, ENOMEM, "list of containers");
	}
	for (size_t i = 0; i < count; i++)
		containers[i] = (struct cgroup_container){
			.id = records[i].id,
			.pid = records[i].pid,
			.start_time = records[i].start_time,
		};
	rc = cgroup_containers_find(containers, count, err);
	if (rc == 0) {
		*ret_count = take(records, containers, count, figures);
		*ret = steal_pointer(&figures);
	}
	cgroup_containers_done(containers, count);
	free(figures);
	return rc;
}

int figures_load(struct figures **ret, size_t *ret_count, struct error *err)
{
	struct ocfg_record *records = NULL;
	struct ocfg_settings settings;
	cleanup_close int dir = -1;
	size_t count = 0;
	int rc;

	cli_settings(&settings);
	dir = paths_state_dir(&settings, "containers", err);
	ocfg_settings_done(&settings);
	if (dir < 0)
		return dir;
	rc = records_load(dir, &records, &count, err);
	if (rc < 0)
		return rc;
	if (count) {
		rc = gather(records, count, ret, ret_count, err);
	} else {
		*ret = NULL;
		*ret_count = 0;
	}
	records_free(records, count);
	return rc;
}

void figures_free(struct figures *figures, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ocfg_record_done(&figures[i].record);
	free(figures);
}
