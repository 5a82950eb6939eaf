/* SPDX-License-Identifier: Apache-2.0 */
/* Which chores there are. */
#include "hook/notify/steward/chores.h"

const struct chore *const chores[CHORES_MAX + 1] = {
	&chore_newcomers,
	&chore_profit,
	&chore_ksmd,
	NULL,
};
