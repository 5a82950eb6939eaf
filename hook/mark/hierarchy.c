/* SPDX-License-Identifier: Apache-2.0 */
/* Where the cgroup of a process is mounted. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hook/common/proc.h"
#include "hook/mark/hierarchy.h"
#include "oci-config/cleanup.h"

#define TEXT_MAX 16384 /* of /proc/PID/cgroup */

/* Is `word` one of those in text[0..len), which commas separate? */
static bool has_word(const char *text, size_t len, const char *word)
{
	size_t word_len = strlen(word);

	for (size_t at = 0; at + word_len <= len;) {
		const char *comma = memchr(text + at, ',', len - at);
		size_t end = comma ? (size_t)(comma - text) : len;

		if (end - at == word_len && !memcmp(text + at, word, word_len))
			return true;
		at = end + 1;
	}
	return false;
}

/*
 * The path in the v1 hierarchy of that controller, or in the v2 hierarchy (NULL). Lines are "number:controllers:path".
 */
static int find_path(const char *text, const char *controller, char *ret, size_t size)
{
	for (const char *line = text; *line; line += *line == '\n') {
		const char *names = strchr(line, ':');
		const char *path = names ? strchr(names + 1, ':') : NULL;
		size_t len = strcspn(line, "\n");

		if (path && path < line + len) {
			size_t path_len = (size_t)(line + len - path - 1);
			size_t names_len = (size_t)(path - names - 1);
			bool found = controller ? has_word(names + 1, names_len, controller)
						: !names_len;

			if (found && path_len < size) {
				memcpy(ret, path + 1, path_len);
				ret[path_len] = '\0';
				return 0;
			}
		}
		line += len;
	}
	return -ENOENT;
}

static int path_of(pid_t pid, const char *controller, char *ret, size_t size)
{
	char text[TEXT_MAX];
	ssize_t len = proc_read(pid, "cgroup", text, sizeof(text), NULL);

	return len < 0 ? (int)len : find_path(text, controller, ret, size);
}

/* "36 35 98:0 / /sys/fs/cgroup/cpuacct rw,... - cgroup cgroup rw,cpuacct": the mount of the hierarchy's root. */
static int find_mount(const char *controller, char *ret, size_t size)
{
	cleanup_file FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[4096], root[8], where[PATH_MAX], type[16], options[256];

	while (file && fgets(line, sizeof(line), file)) {
		const char *end = strstr(line, " - ");

		if (!end || sscanf(line, "%*s %*s %*s %7s %4095s", root, where) != 2 ||
		    strcmp(root, "/") != 0 || sscanf(end, " - %15s %*s %255s", type, options) != 2)
			continue;
		if (controller ? strcmp(type, "cgroup") != 0 ||
					 !has_word(options, strlen(options), controller)
			       : strcmp(type, "cgroup2") != 0)
			continue;
		snprintf(ret, size, "%s", where);
		return 0;
	}
	return -ENOENT;
}

int hierarchy_folder(pid_t pid, const char *controller, char *ret, size_t size)
{
	char mount[PATH_MAX], path[PATH_MAX];

	if (path_of(pid, controller, path, sizeof(path)) < 0 || strstr(path, "/..") ||
	    find_mount(controller, mount, sizeof(mount)) < 0)
		return -ENOENT;
	return (size_t)snprintf(ret, size, "%s%s", mount, strcmp(path, "/") != 0 ? path : "") < size
		       ? 0
		       : -ENAMETOOLONG;
}

static int open_in(pid_t pid, const char *controller)
{
	char path[PATH_MAX], ours[PATH_MAX], folder[PATH_MAX];
	int fd;

	if (path_of(pid, controller, path, sizeof(path)) < 0 || !strcmp(path, "/") ||
	    (path_of(getpid(), controller, ours, sizeof(ours)) == 0 && !strcmp(path, ours)) ||
	    hierarchy_folder(pid, controller, folder, sizeof(folder)) < 0)
		return -ENOENT;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -ENOENT : fd;
}

int hierarchy_open(pid_t pid)
{
	int fd = open_in(pid, "cpuacct");

	return fd >= 0 ? fd : open_in(pid, NULL);
}
