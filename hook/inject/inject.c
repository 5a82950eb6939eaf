/* SPDX-License-Identifier: Apache-2.0 */
/* Stopping a thread of another process, and choosing one. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <time.h>
#include <unistd.h>

#include "hook/inject/inject.h"
#include "hook/inject/state.h"
#include "hook/inject/status.h"
#include "hook/inject/stop.h"
#include "hook/inject/waits.h"
#include "oci-config/cleanup.h"

#define THREADS_MAX 64 /* looked at, in a process without a leader that will do */
#define TRIES_MAX   4  /* stopped in vain */
#define LOOKS_MAX   20 /* a ms apart, while none is worth a try */

static _Thread_local unsigned inject_owner;

void inject_for(unsigned owner)
{
	inject_owner = owner;
}

/* May this be stopped? Told before it is tried, since what is refused need not be disturbed. */
static int refusal(pid_t tid, struct status *ret, struct error *err)
{
	if (status_read(tid, ret) < 0 || ret->state == 'Z' || ret->state == 'X')
		return error_set(err, ESRCH, "thread %d", (int)tid);
	if (ret->tracer == gettid()) /* inject_reap has not got it yet */
		return error_set(err, EAGAIN, "thread %d", (int)tid);
	if (ret->tracer)
		return error_set(err, EBUSY, "thread %d is traced by %d", (int)tid,
				 (int)ret->tracer);
	if (ret->state == 'T' || ret->state == 't')
		return error_set(err, EBUSY, "thread %d is stopped", (int)tid);
	return 0;
}

/* May calls be hidden from the target's filters? Only tried here: a thread that runs must never be without them. */
static int try_suspend(struct inject *target)
{
	target->seccomp_suspended = stop_suspend_seccomp(target, true) == 0;
	if (target->seccomp_suspended)
		return stop_suspend_seccomp(target, false);
	return target->strict ? -EPERM : 0;
}

int inject_begin(pid_t tid, struct inject *ret, struct error *err)
{
	struct inject target = {.tid = tid, .seized = true};
	struct status status;
	int r = refusal(tid, &status, err);

	if (r < 0)
		return r;
	if (!stop_may_give_up(inject_owner))
		return error_set(err, EBUSY, "too many threads that do not stop");
	target.tgid = status.tgid;
	target.owner = inject_owner;
	target.own_child = status.parent == getpid() && tid == status.tgid;
	waits_before(&target);
	target.strict = status.seccomp == 1;
	if (ptrace(PTRACE_SEIZE, tid, 0, (long)PTRACE_O_TRACESYSGOOD) < 0)
		r = -errno;
	if (r < 0) { /* exiting, traced since, or not allowed: what is it? */
		int why = refusal(tid, &status, err);

		return why < 0 ? why : error_set(err, -r, "thread %d", (int)tid);
	}
	if (ptrace(PTRACE_INTERRUPT, tid, 0, 0) < 0)
		r = -errno;
	if (r < 0) {
		inject_end(&target);
		return error_set(err, -r, "thread %d", (int)tid);
	}
	*ret = target;
	return 0;
}

int inject_wait(struct inject *target, int timeout_ms, struct error *err)
{
	pid_t tid = target->tid;
	int r = stop_interrupt(target, stop_now_ms() + (uint64_t)timeout_ms);

	if (r == 0)
		r = try_suspend(target);
	if (r == 0)
		r = state_save(target);
	if (r == 0)
		return 0;
	inject_end(target);
	if (r == -EOPNOTSUPP)
		return error_set(err, EOPNOTSUPP, "thread %d does not run 64-bit code", (int)tid);
	return error_set(err, r == -ETIMEDOUT ? EAGAIN : -r, "thread %d", (int)tid);
}

/*
 * How little would this thread notice? 0: nothing; 1: perhaps; 2: it would not stop soon. What is refused anyway ranks first: the
 * reason concerns the whole process.
 */
static int rank(pid_t tid)
{
	struct status status;

	if (status_read(tid, &status) == 0 && status.state == 'D')
		return 2;
	return waits_is_timed(tid) ? 1 : 0;
}

/* A thread may have ended and its number be somebody else's by now; not any more once it is stopped. */
static bool is_thread_of(pid_t tid, pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)pid, (int)tid);
	return access(path, F_OK) == 0;
}

static int try_thread(pid_t tid, pid_t pid, int timeout_ms, struct inject *ret, struct error *err)
{
	int r = inject_begin(tid, ret, err);

	if (r == 0)
		r = inject_wait(ret, timeout_ms, err);
	if (r < 0 || is_thread_of(tid, pid))
		return r;
	inject_end(ret);
	return error_set(err, ESRCH, "thread %d of %d", (int)tid, (int)pid);
}

/* Is it this thread only, so that another may do? */
static bool is_of_thread(int r)
{
	return r == -ESRCH || r == -EAGAIN || r == -EOPNOTSUPP;
}

static size_t other_threads(pid_t pid, pid_t tids[THREADS_MAX])
{
	char path[64];
	struct dirent *entry;
	size_t count = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	cleanup_dir DIR *dir = opendir(path);

	while (dir && count < THREADS_MAX && (entry = readdir(dir))) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (tid > 0 && tid != pid)
			tids[count++] = tid;
	}
	return count;
}

/* One after the other, until one stops. *ret_tries: how many seemed to be worth it. */
static int try_threads(pid_t pid, int timeout_ms, struct inject *ret, int *ret_tries,
		       struct error *err)
{
	pid_t tids[THREADS_MAX + 1] = {pid};
	size_t count = 1 + other_threads(pid, tids + 1);
	int ranks[THREADS_MAX + 1];
	int tries = 0, r;

	for (size_t i = 0; i < count; i++)
		ranks[i] = -1;
	r = error_set(err, EAGAIN, "no thread of %d can be stopped", (int)pid);
	for (int wanted = 0; wanted <= 1; wanted++)
		for (size_t i = 0; i < count && tries < TRIES_MAX; i++) {
			if (wanted == 0)
				ranks[i] = rank(tids[i]);
			if (ranks[i] != wanted)
				continue;
			*ret_tries = ++tries;
			r = try_thread(tids[i], pid, count > 1 ? timeout_ms / 2 : timeout_ms, ret,
				       err);
			if (r == 0 || !is_of_thread(r))
				return r;
		}
	return r;
}

/* Who only waits for the lock of its memory, which we hold while we read its maps, will do in a moment. */
int inject_process(pid_t pid, int timeout_ms, struct inject *ret, struct error *err)
{
	struct error why = {0};
	struct inject target;
	int tries = 0, r;

	for (int left = timeout_ms < LOOKS_MAX ? timeout_ms : LOOKS_MAX;; left--) {
		r = try_threads(pid, timeout_ms, &target, &tries, &why);
		if (tries || left <= 0)
			break;
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	}
	if (r == 0)
		*ret = target;
	else if (err)
		*err = why;
	return r;
}
