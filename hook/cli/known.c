/* SPDX-License-Identifier: Apache-2.0 */
/* The containers and runs that have records, with their processes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hook/cli/cli.h"
#include "hook/cli/known.h"
#include "hook/cli/records.h"
#include "hook/common/paths.h"
#include "oci-config/cleanup.h"

static int find_processes(struct known *known, struct error *err)
{
	known->containers = calloc(known->count, sizeof(*known->containers));
	if (!known->containers)
		return error_set(err, ENOMEM, "list of containers");
	for (size_t i = 0; i < known->count; i++)
		known->containers[i] = (struct cgroup_container){
			.id = known->records[i].id,
			.pid = known->records[i].pid,
			.start_time = known->records[i].start_time,
			.has_no_cgroup = known->records[i].source &&
					 strcmp(known->records[i].source, "run") == 0,
		};
	return cgroup_containers_find(known->containers, known->count, err);
}

int known_load(struct known *ret, struct error *err)
{
	struct ocfg_settings settings;
	struct known known = {0};
	cleanup_close int dir = -1;
	int rc;

	cli_settings(&settings);
	dir = paths_state_dir(&settings, "containers", err);
	ocfg_settings_done(&settings);
	if (dir < 0)
		return dir;
	rc = records_load(dir, &known.records, &known.count, err);
	if (rc == 0 && known.count)
		rc = find_processes(&known, err);
	if (rc < 0)
		known_done(&known);
	else
		*ret = known;
	return rc;
}

void known_done(struct known *known)
{
	if (known->containers)
		cgroup_containers_done(known->containers, known->count);
	free(known->containers);
	records_free(known->records, known->count);
	*known = (struct known){0};
}
