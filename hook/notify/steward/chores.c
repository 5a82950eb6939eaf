/* SPDX-License-Identifier: Apache-2.0 */
/* Which chores there are. */
#include "hook/notify/steward/steward.h"

const struct chore *const chores[CHORES_MAX + 1] = {
	NULL,
};
