/* SPDX-License-Identifier: Apache-2.0 */
/* A process through its folder in /proc, held open: what is read is of that process, whatever becomes of its number. */
#ifndef HOOK_MARK_PROCESS_H
#define HOOK_MARK_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Of /proc/PID/stat. */
struct process_stat {
	char state;
	uint64_t faults;     /* that needed no reading */
	uint64_t start_time; /* ticks after boot */
	uint64_t size;	     /* bytes of address space */
	uint64_t rss;	     /* bytes */
	uint64_t program;    /* another after an exec, but by chance; 0 if we may not know */
};
/* Of /proc/PID/status. */
struct process_status {
	pid_t tgid;
	pid_t tracer; /* 0: none */
	unsigned
		filters; /* seccomp filters; a kernel that does not count them (before 5.9): 1 or 0 */
};

/* Opens /proc/PID (of a thread, too); -ESRCH if there is none. */
int process_open(pid_t pid);
/*
 * Opens the process that began then, or rather a thread of it that still has memory: a leader that has ended while
 * others go on has none.
 */
int process_open_alive(pid_t pid, uint64_t start_time);
/* Reads a file of it whole and terminates it. -ESRCH: it is gone. */
ssize_t process_read(int dir, const char *name, char *buf, size_t size);
int process_stat(int dir, struct process_stat *ret);
int process_status(int dir, struct process_status *ret);
/* Is this the process (or thread) that had this number when it was noted? `since`: CLOCK_BOOTTIME, ns. */
bool process_began_before(const struct process_stat *stat, uint64_t since);
/* PR_SET_MEMORY_MERGE: 1 is on, 0 is off, -errno. */
int process_is_merge_any(int dir);

#endif
