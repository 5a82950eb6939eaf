/* SPDX-License-Identifier: Apache-2.0 */
/* Processes as /proc shows them. */
#ifndef HOOK_COMMON_PROC_H
#define HOOK_COMMON_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci-config/error.h"

/* Of /proc/PID/stat. pid and start_time together name a process for as long as the machine runs. */
struct proc_stat {
	char comm[64];
	char state; /* 'R', 'S', 'Z', ... */
	pid_t ppid;
	uint64_t cpu_ticks;  /* user and system time, in 1/sysconf(_SC_CLK_TCK) s */
	uint64_t start_time; /* ticks after boot (field 22) */
};

/* Where a field of such a text begins, counted as in proc(5), from 3 (state) on; NULL if it has none. */
const char *proc_stat_field(const char *text, int number);

/* 0; -ESRCH if there is no such process. */
int proc_stat_read(pid_t pid, struct proc_stat *ret, struct error *err);

/* Does the process that had this pid and start time still run? A zombie does not. */
bool proc_is_running(pid_t pid, uint64_t start_time);

/* All processes (not threads) in ascending order of /proc. The caller frees *ret. */
int proc_list(pid_t **ret, size_t *ret_count, struct error *err);

/*
 * Reads /proc/PID/NAME whole into buf and terminates it. Returns the length; -ESRCH if the process is gone, -ENOENT if
 * this kernel has no such file, -EFBIG if it does not fit.
 */
ssize_t proc_read(pid_t pid, const char *name, char *buf, size_t size, struct error *err);

/*
 * The line "KEY VALUE..." or "KEY: VALUE..." in such a text: where its value begins, or NULL. `key` is without colon.
 */
const char *proc_find(const char *text, const char *key);

/* A decimal number at the beginning of text, with white space before it. -EINVAL if there is none. */
int proc_number(const char *text, int64_t *ret);

#endif
