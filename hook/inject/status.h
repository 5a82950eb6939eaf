/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of a thread that is to be stopped. Used by this folder only. */
#ifndef HOOK_INJECT_STATUS_H
#define HOOK_INJECT_STATUS_H

#include <stddef.h>
#include <sys/types.h>

struct status {
	char state; /* 'R', 'S', 'D', ... */
	pid_t tgid, parent, tracer;
	int seccomp; /* mode: 1 is strict */
};

/* 0, or -ESRCH. */
int status_read(pid_t tid, struct status *ret);
/* A small file of /proc/TID, whole and terminated: its length, or -errno. */
ssize_t status_file(pid_t tid, const char *name, char *text, size_t size);

#endif
