/* SPDX-License-Identifier: Apache-2.0 */
/* All the records in the folder of state. */
#ifndef HOOK_CLI_RECORDS_H
#define HOOK_CLI_RECORDS_H

#include <stddef.h>

#include "oci-config/error.h"
#include "oci-config/state.h"

/*
 * Loads the records of folder `dir`, sorted by ID; records_free frees them. Those of runs that have ended, and of
 * containers that were never made, are removed: nobody else does. A record that cannot be read is told on stderr and left out.
 */
int records_load(int dir, struct ocfg_record **ret, size_t *ret_count, struct error *err);
void records_free(struct ocfg_record *records, size_t count);

/* Only removes. What cannot be read is told here, too, other errors are not. */
void records_prune(int dir);

#endif
