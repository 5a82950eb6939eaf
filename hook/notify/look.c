/* SPDX-License-Identifier: Apache-2.0 */
/* A look at a tracked process, and what follows from how it ended. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "hook/common/log.h"
#include "hook/common/probe.h"
#include "hook/mark/process.h"
#include "hook/mark/sweep.h"
#include "hook/notify/answer.h"
#include "hook/notify/dirty.h"
#include "hook/notify/guard.h"
#include "hook/notify/look.h"
#include "oci-config/cleanup.h"

/*
 * A thread stops when it runs, and on a busy machine that takes a while: whoever did not stop in time is given more
 * the next time, and tried less often.
 */
#define AGAIN_SOON  (20 * PACE_MS)
#define STOP_MS_MIN 10
#define STOP_MS_MAX 100
/* A 32-bit program may start a 64-bit one in its place. */
#define LEFT_ALONE (10000 * PACE_MS)

/* The notes of its threads, as they are before the look. */
struct notes {
	uint64_t threads[JOURNAL_DIRTY];
};

static void notes_take(const struct container *container, pid_t pid, struct notes *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; container->noted && i < JOURNAL_DIRTY; i++) {
		uint64_t since, thread = dirty_get(container->listener, i, &since);

		if (thread && container->noted[i].tid == dirty_tid(thread) &&
		    container->noted[i].pid == pid)
			ret->threads[i] = thread;
	}
}

/* What was noted during the look stays, and is resolved anew: it may be another process. */
static void notes_free(const struct container *container, const struct notes *notes)
{
	for (size_t i = 0; container->noted && i < JOURNAL_DIRTY; i++)
		if (notes->threads[i]) {
			dirty_free(container->listener, i, notes->threads[i]);
			container->noted[i] = (struct noted){0};
		}
}

static uint64_t cpu_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int stop_ms(const struct tracked *process)
{
	uint64_t ms = process->pace.delay / PACE_MS;

	return ms < STOP_MS_MIN ? STOP_MS_MIN : ms > STOP_MS_MAX ? STOP_MS_MAX : (int)ms;
}

/* A thread that was to be stopped has ended, but not its process: by an exec, perhaps, of another thread. */
static bool goes_on(const struct tracked *process)
{
	cleanup_close int dir = process_open_alive(process->pid, process->start_time);

	return dir >= 0;
}

static int sweep(const struct marker *marker, struct container *container, struct tracked *process,
		 struct inject *held, size_t *ret_marked, struct error *err)
{
	cleanup_close int dir = process_open_alive(process->pid, process->start_time);
	struct sweep wanted = {.pid = process->pid,
			       .dir = dir,
			       .min_size = container->listener->notify.min_size,
			       .stop_ms = stop_ms(process),
			       .batch = marker->features & PROBE_PROCESS_MADVISE,
			       .suspend = marker->features & PROBE_SUSPEND_SECCOMP,
			       .filters = container->listener->filters,
			       .held = held,
			       .go_on = guard_go_on};
	size_t marked = 0;
	int rc;

	if (dir < 0)
		return error_set(err, -dir, "process %d", process->pid);
	rc = container->whole ? sweep_whole(&wanted, &marked, err)
			      : sweep_regions(&wanted, &marked, err);
	process->idle = marked ? 0 : pace_idle(process->idle);
	__atomic_fetch_add(&container->listener->sweeps, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&container->listener->marked, marked, __ATOMIC_RELAXED);
	*ret_marked = marked;
	return rc;
}

static void cannot(struct container *container, struct tracked *process, const struct error *err,
		   int rc, uint64_t now)
{
	if (rc == -EPERM)
		container_complain(container, err,
				   "memory stays unmarked (CAP_SYS_PTRACE is missing, or "
				   "kernel.yama.ptrace_scope forbids it)");
	else if (rc != -EOPNOTSUPP)
		container_complain(container, err, "memory stays unmarked");
	process->left_alone = rc == -EPERM || rc == -EACCES ? UINT64_MAX : now + LEFT_ALONE;
}

/* The kernel has PR_SET_MEMORY_MERGE, but not for this one. */
static void give_up_whole(struct container *container, struct tracked *process,
			  const struct error *err, uint64_t now)
{
	container_complain(container, err, "marking region by region instead");
	container->whole = false;
	container->watch_next = now;
	pace_again(&process->pace, now, PACE_FIRST, 0);
}

void look(struct marker *marker, struct container *container, struct tracked *process,
	  struct inject *held)
{
	uint64_t spent = cpu_time(), end;
	struct error err = {0};
	struct notes notes;
	size_t marked = 0;
	int rc;

	notes_take(container, process->pid, &notes);
	rc = sweep(marker, container, process, held, &marked, &err);
	end = answer_now();
	if (rc == -ESRCH && goes_on(process))
		rc = -EAGAIN;
	if (rc == -EBUSY || rc == -EAGAIN) {
		pace_again(&process->pace, end, rc == -EBUSY ? PACE_RETRY : AGAIN_SOON,
			   cpu_time() - spent);
		return;
	}
	if (container->whole && rc == -ENOSYS) {
		give_up_whole(container, process, &err, end);
		return;
	}
	notes_free(container, &notes);
	pace_done(&process->pace, end, cpu_time() - spent);
	/* An exec that another thread had begun by then may not have inherited it. */
	if (rc == 0 && container->whole && marked)
		pace_again(&process->pace, end, PACE_LAST, 0);
	else if (rc == -ESRCH || (rc == 0 && container->whole))
		container_forget(container, process);
	else if (rc < 0)
		cannot(container, process, &err, rc, end);
}
