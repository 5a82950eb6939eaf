/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steward: the process of oci-ksmd that has time. It does chores: what is to be done for running containers
 * and for ksmd, but neither at once nor between a call and its answer. It holds no listener, may be killed at any moment,
 * and sleeps until there is news or a chore wants to be called.
 *
 * To add a chore: a file of this folder with a `const struct chore`, its name in the table of chores.c, its settings in
 * oci-config/settings.h. What it must know after the steward was killed it keeps in a file below `state`; what it changed
 * on the host it puts back in `end` and, if it may have been killed before it could, when it is called with NEWS_START.
 */
#ifndef HOOK_NOTIFY_STEWARD_STEWARD_H
#define HOOK_NOTIFY_STEWARD_STEWARD_H

#include <stdint.h>

#include "oci-config/settings.h"

/* What a chore can be called for besides its time. */
enum steward_news {
	NEWS_START = 1,	     /* the first call in this process */
	NEWS_SETTINGS = 2,   /* the settings have changed, or may have */
	NEWS_CONTAINERS = 4, /* a record of a container came, went or was written again */
	NEWS_SWITCHED = 8,   /* the same for what was switched while it runs */
};

struct steward {
	struct ocfg_settings settings; /* state_dir is that of the start */
	int state;		       /* the folder of state, open */
	int containers, switched;      /* those below it with the records */
	unsigned features;	       /* enum probe */
};

#define CHORE_NEVER INT64_MAX

/* All are called with NEWS_START, and with NEWS_SETTINGS when that comes: a chore that is off returns CHORE_NEVER. */
struct chore {
	unsigned news; /* it is called for these, too */
	/*
	 * Returns when it wants to be called next if there is no news (steward_now). It has STEWARD_PATIENCE; what takes longer
	 * calls steward_goes_on.
	 */
	int64_t (*run)(struct steward *steward, unsigned news);
	void (*end)(struct steward *steward); /* the steward ends; may be NULL */
};

#define CHORES_MAX 8
/* NULL terminated, chores.c; in that order. */
extern const struct chore *const chores[];

#define STEWARD_PATIENCE \
	30 /* s without progress, then it is killed by its own timer: what it reads may never come */

int64_t steward_now(void); /* ms, CLOCK_MONOTONIC */
/* It gets on. */
void steward_goes_on(void);

/* In a process that the keeper has forked: until the other end of the socket `keeper` is closed. */
_Noreturn void steward_run(int keeper, unsigned features);

#endif
