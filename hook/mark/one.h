/* SPDX-License-Identifier: Apache-2.0 */
/* One process, on or off. Used by this folder only, in the child of mark.c. */
#ifndef HOOK_MARK_ONE_H
#define HOOK_MARK_ONE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "hook/mark/mark.h"
#include "hook/mark/sweep.h"

/* What one process came to. */
struct one {
	bool changed, whole;
	uint64_t anonymous; /* bytes */
};

struct one_target {
	pid_t pid;
	int dir;    /* of process_open_alive */
	bool alone; /* its container is not meant */
	const struct mark_options *options;
	void (*go_on)(void);		  /* it is not held up */
	void (*unmerged)(uint64_t bytes); /* unmark: so many more */
	bool again;		/* unmark: it has been done, only what has been marked since */
	bool (*must_end)(void); /* unmark: whoever asked for it is gone */
};

/*
 * 0 or what sweep_regions returns. unmark also -ENOMEM: there is no room, err says where; -ECANCELED: must_end.
 */
int one_mark(const struct one_target *target, struct one *ret, struct error *err);
int one_unmark(const struct one_target *target, struct one *ret, struct error *err);
/* One try of one_mark, without a word to the shim. */
int one_mark_memory(const struct one_target *target, struct one *ret, struct error *err);

/*
 * Again after that? What did not stop in time may do so the next time, and who traces it may be the helper's marker, which
 * is waited for a little.
 */
#define ONE_TRIES 4
bool one_may_try(const struct one_target *target, int times, int rc);
/* How a thread of it is stopped. */
int one_sweep(const struct one_target *target, struct sweep *ret, struct error *err);

/* What an -errno of these means. */
enum mark_reason one_reason(int rc);

#endif
