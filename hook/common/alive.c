/* SPDX-License-Identifier: Apache-2.0 */
/* Is the container of a record still there? */
#include "hook/common/alive.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "hook/common/cgroup.h"
#include "hook/common/proc.h"
#include "oci-config/cleanup.h"
#include "oci-config/file.h"

#define PID_FILE_MAX 64

uint64_t alive_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec;
}

static bool starter_is_alive(const struct ocfg_record *record)
{
	return (!record->starter_until || alive_now() < record->starter_until) &&
	       proc_is_running(record->starter, record->starter_start_time);
}

pid_t alive_pid_file(const struct ocfg_record *record)
{
	cleanup_free char *text = NULL;
	int64_t pid;
	size_t len;

	if (!record->pid_file ||
	    ocfg_file_read(AT_FDCWD, record->pid_file, PID_FILE_MAX, &text, &len, NULL) < 0 ||
	    proc_number(text, &pid) < 0 || pid <= 0 || pid > INT32_MAX)
		return 0;
	return (pid_t)pid;
}

/* Began before who starts the container? Then the file is an earlier container's, or not written yet. */
static bool is_in_pid_file(const struct ocfg_record *record)
{
	pid_t pid = alive_pid_file(record);
	struct proc_stat stat;

	return pid && proc_stat_read(pid, &stat, NULL) == 0 && stat.state != 'Z' &&
	       stat.state != 'X' && stat.start_time >= record->starter_start_time;
}

static bool is_in_cgroup(const struct ocfg_record *record)
{
	struct cgroup_container container = {.id = record->id};
	bool found = cgroup_containers_find(&container, 1, NULL) < 0 || container.count > 0;

	cgroup_containers_done(&container, 1);
	return found;
}

enum alive alive_look(const struct ocfg_record *record)
{
	bool alive = record->pid ? proc_is_running(record->pid, record->start_time)
				 : starter_is_alive(record);

	if (!record->pid && !alive)
		alive = is_in_pid_file(record);
	if (alive || record->pid || record->pid_file || record->starter_until)
		return alive ? ALIVE_YES : ALIVE_NO;
	return ALIVE_IF_CGROUP;
}

bool alive_record(const struct ocfg_record *record)
{
	enum alive alive = alive_look(record);

	return alive == ALIVE_IF_CGROUP ? is_in_cgroup(record) : alive == ALIVE_YES;
}

bool alive_is_left_over(const struct ocfg_record *record)
{
	bool is_run = record->source && strcmp(record->source, "run") == 0;

	return (is_run || (record->starter_until && !record->made_ld_so_preload)) &&
	       !alive_record(record);
}
