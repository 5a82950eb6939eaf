/* SPDX-License-Identifier: Apache-2.0 */
/* Where the worker runs while one thread alone makes it work. */
#include "hook/notify/handoff.h"

#define IN_ROW 16

void handoff_init(struct handoff *handoff, bool usable)
{
	*handoff = (struct handoff){.usable = usable};
	/* More CPUs than fit: it goes where the scheduler sends it. */
	if (sched_getaffinity(0, sizeof(handoff->all), &handoff->all) < 0)
		handoff->usable = false;
}

static void keep(struct handoff *handoff)
{
	cpu_set_t here;
	int cpu = sched_getcpu();

	if (cpu < 0 || cpu >= CPU_SETSIZE)
		return;
	CPU_ZERO(&here);
	CPU_SET((size_t)cpu, &here);
	handoff->kept = sched_setaffinity(0, sizeof(here), &here) == 0;
}

void handoff_done(struct handoff *handoff)
{
	if (handoff->kept)
		sched_setaffinity(0, sizeof(handoff->all), &handoff->all);
	handoff->kept = false;
}

void handoff_note(struct handoff *handoff, uint32_t tid)
{
	if (!handoff->usable)
		return;
	if (tid != handoff->tid) {
		handoff->tid = tid;
		handoff->in_row = 0;
		handoff_done(handoff);
	} else if (!handoff->kept && ++handoff->in_row >= IN_ROW) {
		handoff->in_row = 0;
		keep(handoff);
	}
}
