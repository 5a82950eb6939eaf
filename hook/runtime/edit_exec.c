/* SPDX-License-Identifier: Apache-2.0 */
/* exec and delete: the edits of process.json, and the end of a record. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

#include "hook/common/alive.h"
#include "hook/common/ksm.h"
#include "hook/common/layout.h"
#include "hook/common/proc.h"
#include "hook/common/traces.h"
#include "hook/runtime/edit.h"

static int edit_process(const struct ocfg_record *record, const char *path, struct error *err)
{
	const struct ocfg_plan plan = {
		.shim_target = record->shim_target,
		.min_size = record->min_size,
	};
	struct ocfg_spec spec = {.doc = NULL};
	int rc = ocfg_spec_load(AT_FDCWD, path, OCFG_SPEC_PROCESS, &spec, err);

	if (rc < 0)
		return rc;
	rc = ocfg_plan_apply(&plan, &spec, err);
	if (rc == 0)
		rc = ocfg_spec_save(&spec, AT_FDCWD, path, err);
	ocfg_spec_done(&spec);
	return rc;
}

/* The pid of the container's init, as far as the record tells; 0: nobody knows, or the pid in the record has ended. */
static pid_t init_of(const struct ocfg_record *record)
{
	if (record->pid_file)
		return alive_pid_file(record);
	return record->pid && proc_is_running(record->pid, record->start_time) ? (pid_t)record->pid
									       : 0;
}

/* A record may be left of an earlier container of that name: what its successor's init has not, sessions do not get. */
static bool merges_as_a_whole(const struct ocfg_record *record)
{
	struct ksm_process ksm;
	pid_t init = init_of(record);

	if (!(record->modes & OCFG_MODE_PROCESS) || init <= 0)
		return record->modes & OCFG_MODE_PROCESS;
	ksm_processes_read(&init, 1, &ksm);
	return ksm.merge_any != 0;
}

static bool shares_layout(const struct ocfg_record *record)
{
	pid_t init = init_of(record);

	return record->layout_shared && (init <= 0 || layout_is_shared(init) != 0);
}

int edit_exec(struct container *c, const struct args *args, struct error *err)
{
	struct traces traces = TRACES_NONE;
	const struct ocfg_record *record = &traces.before;
	int rc = 0;

	/*
	 * What is not recorded is not ours, and why there are no records was told when the
	 * container started.
	 */
	if (!args->id || traces_open(&c->settings, args->id, &traces, NULL) < 0)
		return 0;
	if (record->id && merges_as_a_whole(record))
		rc = ksm_merge_self(true, err);
	if (rc == 0 && record->id && shares_layout(record))
		rc = layout_share(true, err);
	if (rc == 0 && record->id && args->process && record->shim_target &&
	    record->modes & OCFG_MODE_PRELOAD)
		rc = edit_process(record, args->process, err);
	traces_done(&traces);
	return rc;
}

/* Is the container's init still there, as far as the record tells? */
static bool is_running(const struct ocfg_record *record)
{
	pid_t init = init_of(record);
	struct proc_stat st;

	return init > 0 && proc_stat_read(init, &st, NULL) == 0 && st.state != 'Z';
}

void edit_delete(struct container *c, const struct args *args)
{
	struct traces traces = TRACES_NONE;
	const struct ocfg_record *record = &traces.before;

	if (!args->id || traces_open(&c->settings, args->id, &traces, NULL) < 0)
		return;
	/*
	 * With a mount point in the image there is a poststop hook, which does this when all is
	 * unmounted.
	 */
	if (record->id && !record->made_ld_so_preload && (args->force || !is_running(record)))
		(void)traces_remove(&traces, args->id, NULL);
	traces_done(&traces);
}
