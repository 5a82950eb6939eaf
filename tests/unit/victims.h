/* SPDX-License-Identifier: Apache-2.0 */
/* Children that are injected into: what the unit tests of hook/inject share. */
#ifndef TESTS_UNIT_VICTIMS_H
#define TESTS_UNIT_VICTIMS_H

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "hook/inject/inject.h"
#include "tests/unit/unit.h"

#define WAIT_MS	 1000
#define PAGE	 4096UL
#define MERGE_ON 67 /* PR_SET_MEMORY_MERGE; the next one tells */

/* Shared with the victims. */
static struct shared {
	volatile pid_t pid, tid;
	volatile int ready, go, status;
	void *volatile memory;
} * shared;

static inline int victims_set_up(void **state)
{
	(void)state;
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return shared == MAP_FAILED ? -1 : 0;
}

static inline void victims_wait(volatile int *flag)
{
	for (int i = 0; i < 10000 && !*flag; i++)
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	assert_true(*flag);
}

static inline void victim_sleeps(void)
{
	shared->ready = 1;
	for (;;)
		pause();
}

/* A child that does `what` until it is told to go; ready when it has said so. */
static inline pid_t victim_start(void (*what)(void))
{
	pid_t child;

	memset(shared, 0, sizeof(*shared));
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		shared->pid = getpid();
		what();
		_exit(0);
	}
	assert_true(child > 0);
	victims_wait(&shared->ready);
	return child;
}

static inline void victim_finish(pid_t child)
{
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

/* A line of /proc/PID/NAME that begins with `key`, without it. */
static inline void victim_line(pid_t pid, const char *name, const char *key, char *ret, size_t size)
{
	char path[64], line[512];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	cleanup_file FILE *file = fopen(path, "re");

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		snprintf(ret, size, "%.*s", (int)size - 1, line + strlen(key));
		return;
	}
	fail_msg("no %s in %s", key, path);
}

static inline void assert_untraced(pid_t pid)
{
	char tracer[32];

	victim_line(pid, "status", "TracerPid:", tracer, sizeof(tracer));
	assert_int_equal(strtol(tracer, NULL, 10), 0);
}

#endif
