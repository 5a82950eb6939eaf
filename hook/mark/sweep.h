/* SPDX-License-Identifier: Apache-2.0 */
/* One look at one process: what lacks the mark gets it, by calls that a stopped thread of it makes. */
#ifndef HOOK_MARK_SWEEP_H
#define HOOK_MARK_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "hook/inject/inject.h"
#include "oci-config/error.h"

struct sweep {
	pid_t pid;
	int dir; /* of process_open_alive */
	size_t min_size;
	int stop_ms;	  /* how long it may take to stop */
	bool batch;	  /* PROBE_PROCESS_MADVISE */
	bool suspend;	  /* PROBE_SUSPEND_SECCOMP */
	unsigned filters; /* how many seccomp filters it may have where they cannot be suspended */
	struct inject *held; /* a thread of it that is stopped already, or NULL */
	void (*go_on)(void); /* called now and then: it is not held up; or NULL */
};

/*
 * Marks its regions; stops it only if one lacks the mark. *ret_marked: how many got it. -ESRCH: it is gone.
 * -EBUSY: somebody else traces or has stopped it. -EAGAIN: it did not stop in time. -EPERM, -EACCES: not allowed,
 * or it has seccomp filters of its own. -EOPNOTSUPP: a 32-bit program.
 */
int sweep_regions(const struct sweep *sweep, size_t *ret_marked, struct error *err);
/* The same by PR_SET_MEMORY_MERGE, where that is not on; also -ENOSYS: that is refused. */
int sweep_whole(const struct sweep *sweep, size_t *ret_marked, struct error *err);
/* Stops it for other calls; the same errors. inject_end lets it go. */
int sweep_stop(const struct sweep *sweep, struct inject *target, struct error *err);
/* inject_madvise in a process that was stopped so. -EINVAL: a filter of its answers with an error instead of the kernel. */
int sweep_madvise(const struct sweep *sweep, struct inject *target,
		  const struct inject_range *ranges, size_t count, int advice, size_t *ret_done,
		  struct error *err);

#endif
