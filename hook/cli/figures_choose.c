/* SPDX-License-Identifier: Apache-2.0 */
/* Which figures are asked for. */
#include <errno.h>
#include <stdlib.h>

#include "hook/cli/figures.h"
#include "hook/cli/targets.h"
#include "oci-config/cleanup.h"

int figures_choose(struct figures *figures, size_t *count, char *const *args, size_t arg_count,
		   struct error *err)
{
	cleanup_free struct target *known = calloc(*count + 1, sizeof(*known));
	struct target *targets = NULL;
	size_t target_count = 0;
	int rc;

	if (!arg_count)
		return 0;
	if (!known)
		return error_set(err, ENOMEM, "list of containers");
	for (size_t i = 0; i < *count; i++)
		known[i] = (struct target){
			.name = figures[i].record.id,
			.called = figures[i].name,
			.pids = figures[i].pids,
			.count = figures[i].count,
		};
	rc = targets_find_with(known, *count, args, arg_count, &targets, &target_count, err);
	if (rc == 0)
		rc = figures_select(figures, count, targets, args, target_count, err);
	targets_free(targets, target_count);
	return rc;
}
