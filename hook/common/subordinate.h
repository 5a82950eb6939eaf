/* SPDX-License-Identifier: Apache-2.0 */
/* Files of processes that run, in a user namespace of one's own, as users that are subordinate to one (/etc/subuid). */
#ifndef HOOK_COMMON_SUBORDINATE_H
#define HOOK_COMMON_SUBORDINATE_H

/*
 * Opens a file of /proc/PID (`proc_fd`) for reading, if it has to be as root of that process' user namespace: who made a namespace is
 * root there, but only within. The descriptor, or -1 and errno; EACCES if the namespace is not ours.
 */
int subordinate_open(int proc_fd, const char *name);

#endif
