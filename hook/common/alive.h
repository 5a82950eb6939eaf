/* SPDX-License-Identifier: Apache-2.0 */
/* Is the container of a record still there? */
#ifndef HOOK_COMMON_ALIVE_H
#define HOOK_COMMON_ALIVE_H

#include <stdbool.h>
#include <sys/types.h>

#include "oci-config/state.h"

/* How long who calls a hook before the runtime counts as starting the container: record.starter_until. */
#define ALIVE_STARTING_SECONDS 60

/*
 * The pid that the runtime has written for whoever asked it to (record.pid_file); 0: nothing, or not yet. It may be an earlier
 * container's, and another process' by now.
 */
pid_t alive_pid_file(const struct ocfg_record *record);
/* Seconds after boot, as in record.starter_until. */
uint64_t alive_now(void);
/*
 * Its first process runs, or who starts it is about to make that. Where the record does not tell the process, the file is read
 * into which the runtime writes its pid, else cgroups are looked through. In doubt it is: a pid that was taken from such a file may be
 * another process' by now.
 */
bool alive_record(const struct ocfg_record *record);
/* The same but for looking through cgroups, which takes long: for who has many records to look after at once. */
enum alive {
	ALIVE_NO,
	ALIVE_YES,
	ALIVE_IF_CGROUP /* it is if processes are found in a cgroup of its (cgroup_containers_find) */
};
enum alive alive_look(const struct ocfg_record *record);
/* Of a run that has ended, or a container that was never made: nobody else removes it. */
bool alive_is_left_over(const struct ocfg_record *record);

#endif
