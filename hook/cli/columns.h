/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of `status` and `top`. */
#ifndef HOOK_CLI_COLUMNS_H
#define HOOK_CLI_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "hook/cli/figures.h"
#include "hook/cli/table.h"
#include "oci-config/error.h"

struct columns {
	const struct table_column *list; /* for table_new, table_usage */
	size_t count;
};
extern const struct columns columns_status, columns_top;

/* A table of these columns with a row for each; table_free frees it. `short_ids`: of those with 64 digits the first 12. */
int columns_fill(const struct columns *columns, const struct figures *figures, size_t count,
		 bool short_ids, struct table **ret, struct error *err);

/* As table_check. */
int columns_check(const struct columns *columns, const struct table_options *options,
		  struct error *err);

#endif
