/* SPDX-License-Identifier: Apache-2.0 */
/* The record of `oci-ksm run`, by which it takes the right to merge too (hook/common/domain.h). */
#include "hook/cli/run_record.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "hook/cli/records.h"
#include "hook/common/domain.h"
#include "hook/common/paths.h"
#include "hook/common/proc.h"
#include "oci-config/cleanup.h"
#include "oci-config/state.h"

static void name(char *buf, size_t size)
{
	snprintf(buf, size, "run-%d", (int)getpid());
}

static int save(int dir, const struct ocfg_wishes *wishes, const struct ocfg_decision *decision,
		struct error *err)
{
	char id[32], source[] = "run";
	struct ocfg_record record = {
		.id = id,
		.source = source,
		.modes = decision->modes,
		.reason = (char *)decision->reason,
		.min_size = wishes->min_size,
		.pid = getpid(),
		.domain = wishes->domain[0] ? (char *)wishes->domain : NULL,
		.layout_shared = decision->layout_shared,
	};
	struct proc_stat stat;
	int rc = proc_stat_read(record.pid, &stat, err);

	if (rc < 0)
		return rc;
	name(id, sizeof(id));
	record.start_time = stat.start_time;
	return ocfg_record_save(dir, &record, err);
}

int run_record_claim(const struct ocfg_settings *settings, const struct ocfg_wishes *wishes,
		     struct ocfg_decision *decision, struct error *err)
{
	struct domain_guard guard;
	struct error why = {0};
	char id[32];
	int rc = domain_begin(settings, &guard, &why);

	name(id, sizeof(id));
	if (rc == 0) {
		records_prune(guard.records);
		rc = domain_claim(&guard, id, wishes->domain, &why);
		if (rc == -EBUSY) {
			*decision = (struct ocfg_decision){.modes = 0};
			snprintf(decision->reason, sizeof(decision->reason), "%s", why.msg);
			(void)save(guard.records, wishes, decision, NULL);
		} else if (rc == 0) {
			rc = save(guard.records, wishes, decision, &why);
		}
		domain_end(&guard);
	}
	if (rc == 0 || (rc != -EBUSY && !wishes->domain[0]))
		return 0;
	*decision = (struct ocfg_decision){.modes = 0};
	if (err)
		*err = why;
	return rc == -EBUSY ? rc : error_wrap(err, "trust domain %s", wishes->domain);
}

void run_record_update(const struct ocfg_settings *settings, const struct ocfg_wishes *wishes,
		       const struct ocfg_decision *decision)
{
	cleanup_close int dir = paths_state_dir(settings, "containers", NULL);
	char id[32];

	if (dir < 0)
		return;
	name(id, sizeof(id));
	if (decision->modes)
		(void)save(dir, wishes, decision, NULL);
	else
		(void)ocfg_record_remove(dir, id, NULL);
}
