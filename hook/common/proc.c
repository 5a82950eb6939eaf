/* SPDX-License-Identifier: Apache-2.0 */
/* Processes as /proc shows them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook/common/proc.h"
#include "oci-config/cleanup.h"
#include "oci-config/file.h"

/* Fields of /proc/PID/stat as proc(5) counts them; the first one after the name in brackets is 3. */
enum { STAT_STATE = 3, STAT_PPID = 4, STAT_UTIME = 14, STAT_STIME = 15, STAT_STARTTIME = 22 };

/* A file that cannot be found: is it the process that is gone, or does the kernel not have the file? */
static int missing(pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", pid);
	return access(path, F_OK) < 0 ? ESRCH : ENOENT;
}

ssize_t proc_read(pid_t pid, const char *name, char *buf, size_t size, struct error *err)
{
	cleanup_close int fd = -1;
	char path[64];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno == ENOENT ? missing(pid) : errno, "open %s", path);
	len = ocfg_file_read_full(fd, buf, size);
	if (len < 0 || (size_t)len == size)
		return error_set(err, len < 0 ? (int)-len : EFBIG, "read %s", path);
	buf[len] = '\0';
	return len;
}

const char *proc_find(const char *text, const char *key)
{
	size_t len = strlen(key);
	const char *line = text;

	while (line) {
		if (strncmp(line, key, len) == 0 && strchr(": \t", line[len]) && line[len]) {
			line += len + (line[len] == ':');
			return line + strspn(line, " \t");
		}
		line = strchr(line, '\n');
		line += line ? 1 : 0;
	}
	return NULL;
}

int proc_number(const char *text, int64_t *ret)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (end == text || errno)
		return -EINVAL;
	*ret = value;
	return 0;
}

const char *proc_stat_field(const char *text, int number)
{
	const char *p = strrchr(text, ')'); /* the name itself may hold any character */

	if (!p || *++p != ' ')
		return NULL;
	p++;
	for (int i = STAT_STATE; i < number; i++) {
		p += strcspn(p, " \n");
		if (*p++ != ' ')
			return NULL;
	}
	return *p && *p != '\n' ? p : NULL;
}

static int parse_stat(const char *text, struct proc_stat *ret)
{
	const char *name = strchr(text, '('), *end = strrchr(text, ')');
	const char *state = proc_stat_field(text, STAT_STATE);
	static const int fields[] = {STAT_PPID, STAT_UTIME, STAT_STIME, STAT_STARTTIME};
	int64_t numbers[sizeof(fields) / sizeof(fields[0])];

	if (!name || !state || end < name)
		return -EPROTO;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const char *field = proc_stat_field(text, fields[i]);

		if (!field || proc_number(field, &numbers[i]) < 0)
			return -EPROTO;
	}
	*ret = (struct proc_stat){
		.state = *state,
		.ppid = (pid_t)numbers[0],
		.cpu_ticks = (uint64_t)numbers[1] + (uint64_t)numbers[2],
		.start_time = (uint64_t)numbers[3],
	};
	snprintf(ret->comm, sizeof(ret->comm), "%.*s", (int)(end - name - 1), name + 1);
	return 0;
}

int proc_stat_read(pid_t pid, struct proc_stat *ret, struct error *err)
{
	char text[1024];
	ssize_t len = proc_read(pid, "stat", text, sizeof(text), err);

	if (len < 0)
		return (int)len;
	if (parse_stat(text, ret) < 0)
		return error_set(err, EPROTO, "/proc/%d/stat has an unknown form", pid);
	return 0;
}

bool proc_is_running(pid_t pid, uint64_t start_time)
{
	struct proc_stat stat;

	if (pid <= 0 || proc_stat_read(pid, &stat, NULL) < 0)
		return false;
	return stat.start_time == start_time && stat.state != 'Z' && stat.state != 'X';
}

static int append(pid_t **pids, size_t *count, size_t *room, pid_t pid)
{
	if (*count == *room) {
		size_t more = *room ? 2 * *room : 1024;
		pid_t *grown = reallocarray(*pids, more, sizeof(**pids));

		if (!grown)
			return -ENOMEM;
		*pids = grown;
		*room = more;
	}
	(*pids)[(*count)++] = pid;
	return 0;
}

int proc_list(pid_t **ret, size_t *ret_count, struct error *err)
{
	cleanup_dir DIR *dir = opendir("/proc");
	cleanup_free pid_t *pids = NULL;
	size_t count = 0, room = 0;
	const struct dirent *entry;

	if (!dir)
		return error_set(err, errno, "open /proc");
	while ((entry = readdir(dir))) {
		int64_t pid;

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
		    proc_number(entry->d_name, &pid) < 0)
			continue;
		if (append(&pids, &count, &room, (pid_t)pid) < 0)
			return error_set(err, ENOMEM, "list of processes");
	}
	*ret = steal_pointer(&pids);
	*ret_count = count;
	return 0;
}
