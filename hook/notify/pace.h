/* SPDX-License-Identifier: Apache-2.0 */
/* When a process is looked at: soon, then ever less often while it goes on, and never for more than 5 % of the time. */
#ifndef HOOK_NOTIFY_PACE_H
#define HOOK_NOTIFY_PACE_H

#include <stdint.h>

#define PACE_MS	   UINT64_C(1000000) /* all times are in ns */
#define PACE_FIRST (10 * PACE_MS)    /* from the first note to the look */
#define PACE_LAST  (250 * PACE_MS)
#define PACE_SHARE 20 /* the pause before a look, in times of what the last one took */
#define PACE_IDLE  (8000 * PACE_MS)
#define PACE_RETRY (1000 * PACE_MS) /* for a process that somebody else traces */

struct pace {
	uint64_t due;	/* 0: there is nothing to do */
	uint64_t last;	/* end of the last look */
	uint64_t pause; /* not to be looked at for so long after it, because of what it took */
	uint64_t delay; /* between a note and its look */
};

void pace_note(struct pace *pace, uint64_t now);
/* The look is over. `cost`: CPU time; what passed otherwise is the machine's doing. */
void pace_done(struct pace *pace, uint64_t now, uint64_t cost);
/* The pause after one more look of the watch's that found nothing to do. */
uint64_t pace_idle(uint64_t idle);
/*
 * The look could not be made: try again after a pause that doubles from `first` to PACE_RETRY, and is longer if the attempt took
 * much.
 */
void pace_again(struct pace *pace, uint64_t now, uint64_t first, uint64_t cost);

#endif
