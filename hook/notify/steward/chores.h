/* SPDX-License-Identifier: Apache-2.0 */
/* Which chores there are; each is in the file of its name. */
#ifndef HOOK_NOTIFY_STEWARD_CHORES_H
#define HOOK_NOTIFY_STEWARD_CHORES_H

#include "hook/notify/steward/steward.h"

extern const struct chore chore_newcomers;
extern const struct chore chore_profit;
extern const struct chore chore_ksmd;

#endif
