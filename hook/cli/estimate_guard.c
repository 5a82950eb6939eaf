/* SPDX-License-Identifier: Apache-2.0 */
/* Is a thread that reads other programs' memory held up by one of them, for whatever reason? */
#include "hook/cli/estimate_guard.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hook/common/proc.h"

#define LIMIT	       3.0
#define STOPPED	       1.0
#define SLEEP_PER_WORK 0.25 /* locks of the kernel that a busy program holds */

/* "nanoseconds on a CPU, nanoseconds that it waited for one, ..."; kernels without it still have the first in stat. */
static int read_times(pid_t tid, struct guard *now)
{
	int64_t on_cpu, runnable;
	const char *second;
	char text[128];

	if (proc_read(tid, "schedstat", text, sizeof(text), NULL) <= 0)
		return -ENOENT;
	second = strchr(text, ' ');
	if (!second || proc_number(text, &on_cpu) < 0 || proc_number(second, &runnable) < 0)
		return -EPROTO;
	now->on_cpu = (double)on_cpu / 1e9;
	now->runnable = (double)runnable / 1e9;
	return 0;
}

void guard_begin(struct guard *guard, pid_t tid)
{
	struct guard now = {.tid = tid};
	struct timespec t;
	struct proc_stat stat;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now.wall = now.asked = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
	if (read_times(tid, &now) < 0 && proc_stat_read(tid, &stat, NULL) == 0)
		now.on_cpu = (double)stat.cpu_ticks / (double)sysconf(_SC_CLK_TCK);
	*guard = now;
}

bool guard_is_held_up(struct guard *guard)
{
	struct guard now;
	double work, slept;

	guard_begin(&now, guard->tid);
	if (now.wall - guard->asked > STOPPED) {
		*guard = now;
		return false;
	}
	guard->asked = now.wall;
	work = now.on_cpu - guard->on_cpu;
	slept = now.wall - guard->wall - work - (now.runnable - guard->runnable);
	return slept > LIMIT + SLEEP_PER_WORK * work;
}
