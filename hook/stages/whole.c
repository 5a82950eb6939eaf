/* SPDX-License-Identifier: Apache-2.0 */
/* What a whole container inherits from its first process, which waits for this hook. */
#include "hook/stages/whole.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "hook/common/ksm.h"
#include "hook/common/layout.h"
#include "hook/common/proc.h"
#include "hook/inject/inject.h"

#define STOP_MS	      2000 /* it is asleep, so only a busy machine takes long */
#define ANCESTORS_MAX 32

/*
 * Is its parent the runtime, or who would adopt that one's children: an ancestor of ours? Not the machine's init, whose
 * child any daemon is. And it is no ancestor itself.
 */
static bool is_of_our_family(pid_t pid, pid_t parent)
{
	struct proc_stat stat = {.ppid = getppid()};
	bool found = false;

	for (int i = 0; i < ANCESTORS_MAX && stat.ppid > 1; i++) {
		if (stat.ppid == pid)
			return false;
		found = found || stat.ppid == parent;
		if (proc_stat_read(stat.ppid, &stat, NULL) < 0)
			return false;
	}
	return found;
}

static int check(pid_t pid, uint64_t start_time, struct error *err)
{
	struct proc_stat init, self = {0};
	int rc = proc_stat_read(pid, &init, err);

	if (rc == 0)
		rc = proc_stat_read(getpid(), &self, err);
	if (rc < 0)
		return rc;
	/* What began after this hook only has the number of the process that waits for it. */
	if (init.start_time != start_time || init.start_time > self.start_time ||
	    !is_of_our_family(pid, init.ppid))
		return error_set(err, EPERM,
				 "process %d is none of the runtime's that calls this hook", pid);
	return 0;
}

/* Nobody can take its number while it is stopped, so what is found then holds. */
static int inject(pid_t pid, uint64_t start_time,
		  int (*call)(struct inject *, bool, struct error *), bool on, struct error *err)
{
	struct inject target;
	int rc = inject_process(pid, STOP_MS, &target, err);

	if (rc < 0)
		return rc;
	rc = check(pid, start_time, err);
	if (rc == 0)
		rc = call(&target, on, err);
	inject_end(&target);
	return rc;
}

int whole_enter(pid_t pid, struct error *err)
{
	struct ksm_process ksm;
	struct proc_stat init;
	int rc = proc_stat_read(pid, &init, err);

	if (rc == 0)
		rc = check(pid, init.start_time, err);
	if (rc < 0)
		return rc;
	/* oci-ksm-runtime, or another stage, has done it. */
	if (ksm_process_read(pid, &ksm, NULL) == 0 && ksm.merge_any == 1)
		return 0;
	return inject(pid, init.start_time, inject_set_memory_merge, true, err);
}

/* It is a thread's own and is inherited by what that executes; runtimes do so in the first one. */
static int set_layout(struct inject *target, bool on, struct error *err)
{
	if (target->tid != target->tgid)
		return error_set(err, EAGAIN, "stop thread %d", (int)target->tgid);
	return inject_share_layout(target, on, err);
}

int whole_share_layout(pid_t pid, bool on, struct error *err)
{
	struct proc_stat init;
	int rc = proc_stat_read(pid, &init, err);

	if (rc == 0)
		rc = check(pid, init.start_time, err);
	if (rc < 0 || (on && layout_is_shared(pid) == 1))
		return rc;
	return inject(pid, init.start_time, set_layout, on, err);
}
