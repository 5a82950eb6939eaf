/* SPDX-License-Identifier: Apache-2.0 */
/* A process through its folder in /proc, held open. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/common/proc.h"
#include "hook/mark/process.h"
#include "oci-config/cleanup.h"
#include "oci-config/file.h"

static int open_at(int at, const char *path, int flags)
{
	int fd = openat(at, path, O_RDONLY | O_CLOEXEC | flags);

	if (fd >= 0)
		return fd;
	return errno == ENOENT ? -ESRCH : -errno;
}

int process_open(pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", pid);
	return open_at(AT_FDCWD, path, O_DIRECTORY);
}

static bool has_memory(const struct process_stat *stat)
{
	return !strchr("ZXx", stat->state);
}

int process_open_alive(pid_t pid, uint64_t start_time)
{
	cleanup_dir DIR *tasks = NULL;
	cleanup_close int leader = process_open(pid);
	const struct dirent *entry;
	struct process_stat stat;
	char path[32];

	if (leader < 0)
		return leader;
	if (process_stat(leader, &stat) < 0 || stat.start_time != start_time)
		return -ESRCH;
	if (has_memory(&stat))
		return steal_fd(&leader);
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		cleanup_close int dir = -1;

		if (entry->d_name[0] == '.')
			continue;
		dir = open_at(dirfd(tasks), entry->d_name, O_DIRECTORY);
		if (dir >= 0 && process_stat(dir, &stat) == 0 && has_memory(&stat))
			return steal_fd(&dir);
	}
	return -ESRCH;
}

ssize_t process_read(int dir, const char *name, char *buf, size_t size)
{
	cleanup_close int fd = open_at(dir, name, 0);
	ssize_t len;

	if (fd < 0)
		return fd;
	len = ocfg_file_read_full(fd, buf, size - 1);
	if (len >= 0)
		buf[len] = '\0';
	return len;
}

static uint64_t field(const char *text, int number)
{
	const char *at = proc_stat_field(text, number);

	return at ? strtoull(at, NULL, 10) : 0;
}

int process_stat(int dir, struct process_stat *ret)
{
	char text[1024];
	ssize_t len = process_read(dir, "stat", text, sizeof(text));
	const char *state;

	if (len < 0)
		return (int)len;
	state = proc_stat_field(text, 3);
	if (!state)
		return -EPROTO;
	*ret = (struct process_stat){.state = *state,
				     .faults = field(text, 10),
				     .start_time = field(text, 22),
				     .size = field(text, 23),
				     .rss = field(text, 24) * (uint64_t)sysconf(_SC_PAGESIZE),
				     .program = field(text, 26) ^ field(text, 28)};
	return 0;
}

static int64_t number_of(const char *text, const char *key, int64_t missing)
{
	const char *value = proc_find(text, key);
	int64_t number;

	return value && proc_number(value, &number) == 0 ? number : missing;
}

int process_status(int dir, struct process_status *ret)
{
	char text[8192];
	ssize_t len = process_read(dir, "status", text, sizeof(text));
	int64_t mode;

	if (len < 0)
		return (int)len;
	mode = number_of(text, "Seccomp", 0);
	*ret = (struct process_status){
		.tgid = (pid_t)number_of(text, "Tgid", 0),
		.tracer = (pid_t)number_of(text, "TracerPid", 0),
		.filters = (unsigned)number_of(text, "Seccomp_filters", mode ? 1 : 0)};
	return ret->tgid > 0 ? 0 : -EPROTO;
}

bool process_began_before(const struct process_stat *stat, uint64_t since)
{
	return stat->start_time <= since / (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

int process_is_merge_any(int dir)
{
	char text[1024];
	ssize_t len = process_read(dir, "ksm_stat", text, sizeof(text));
	const char *value;

	/* Linux before 6.1 has no such file. */
	if (len == -ESRCH && access("/proc/self/ksm_stat", F_OK) < 0)
		return 0;
	if (len == -EACCES) /* a subordinate user's; -EACCES is about filters */
		return -EPERM;
	if (len < 0)
		return (int)len;
	value = proc_find(text, "ksm_merge_any");
	return value ? *value == 'y' : 0;
}
