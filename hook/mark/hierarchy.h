/* SPDX-License-Identifier: Apache-2.0 */
/* Where the cgroup of a process is mounted. */
#ifndef HOOK_MARK_HIERARCHY_H
#define HOOK_MARK_HIERARCHY_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Opens the folder of the process' cgroup: in the hierarchy that counts CPU time (v1), or in the only one (v2). -ENOENT:
 * it is the root's or our own, so it says nothing about who belongs to the process; or it is not mounted.
 */
int hierarchy_open(pid_t pid);
/*
 * The path of its folder in the hierarchy of v1 that has this controller, or, NULL, in that of v2. -ENOENT: there is none
 * that we can see.
 */
int hierarchy_folder(pid_t pid, const char *controller, char *ret, size_t size);

#endif
