/* SPDX-License-Identifier: Apache-2.0 */
/* When a process is looked at. */
#include "hook/notify/pace.h"

void pace_note(struct pace *pace, uint64_t now)
{
	if (pace->due)
		return;
	/* Quiet since the last look: a new burst. */
	if (!pace->delay || now > pace->last + 2 * pace->delay)
		pace->delay = PACE_FIRST;
	pace->due = now + pace->delay;
	if (pace->due < pace->last + pace->pause)
		pace->due = pace->last + pace->pause;
}

void pace_done(struct pace *pace, uint64_t now, uint64_t cost)
{
	pace->due = 0;
	pace->last = now;
	pace->pause = cost * PACE_SHARE;
	pace->delay = pace->delay < PACE_LAST / 2 ? 2 * pace->delay : PACE_LAST;
}

uint64_t pace_idle(uint64_t idle)
{
	if (idle < PACE_IDLE / 16)
		return PACE_IDLE / 16;
	return idle < PACE_IDLE / 2 ? 2 * idle : PACE_IDLE;
}

void pace_again(struct pace *pace, uint64_t now, uint64_t first, uint64_t cost)
{
	uint64_t delay = pace->delay < first / 2 ? first : 2 * pace->delay;

	pace->delay = delay < PACE_RETRY ? delay : PACE_RETRY;
	pace->last = now;
	pace->pause = cost * PACE_SHARE;
	pace->due = now + (pace->delay < pace->pause ? pace->pause : pace->delay);
}
