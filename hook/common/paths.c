/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are on the host. */
#include "hook/common/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-config/cleanup.h"
#include "oci-config/plan.h"

#define PRELOAD_BELOW "lib/oci-ksm/preload"
#define STATE_NAME    "oci-ksm"

static int too_long(struct error *err)
{
	return error_set(err, ENAMETOOLONG, "path of a program or folder");
}

/* The folder of the running program, without "/" at the end. */
static int program_dir(char *buf, size_t size, struct error *err)
{
	ssize_t n = readlink("/proc/self/exe", buf, size);
	char *slash;

	if (n < 0)
		return error_set(err, errno, "read /proc/self/exe");
	if ((size_t)n >= size)
		return too_long(err);
	buf[n] = '\0';
	slash = strrchr(buf, '/');
	if (!slash)
		return error_set(err, ENOENT, "find this program's folder: %s", buf);
	*slash = '\0';
	return 0;
}

static int preload_dir_default(char *buf, size_t size, struct error *err)
{
	char *slash;
	size_t len;
	int rc = program_dir(buf, size, err);

	if (rc < 0)
		return rc;
	slash = strrchr(buf, '/');
	if (!slash)
		return error_set(err, ENOENT, "find the folder of the shim beside %s", buf);
	len = (size_t)(slash - buf);
	if ((size_t)snprintf(slash, size - len, "/" PRELOAD_BELOW) >= size - len)
		return too_long(err);
	return 0;
}

/* A file that ld.so does not find here is told by each program of a container, on its stderr. */
static int check_preload_dir(const char *dir, struct error *err)
{
	static const char *const files[] = {"libksm_preload.so", OCFG_PLAN_SHIM};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, files[i]) >= sizeof(path))
			return too_long(err);
		if (access(path, R_OK) < 0)
			return error_set(err, errno, "find the shim %s", path);
	}
	return 0;
}

int paths_preload_dir(const struct ocfg_settings *settings, char *buf, size_t size,
		      struct error *err)
{
	if (!settings->preload_dir) {
		int rc = preload_dir_default(buf, size, err);

		if (rc < 0)
			return rc;
	} else if (settings->preload_dir[0] != '/') {
		return error_set(err, EINVAL, "preload_dir is no absolute path: %s",
				 settings->preload_dir);
	} else if ((size_t)snprintf(buf, size, "%s", settings->preload_dir) >= size) {
		return too_long(err);
	}
	return check_preload_dir(buf, err);
}

int paths_sibling(const char *name, char *buf, size_t size, struct error *err)
{
	size_t len;
	int rc = program_dir(buf, size, err);

	if (rc < 0)
		return rc;
	len = strlen(buf);
	if ((size_t)snprintf(buf + len, size - len, "/%s", name) >= size - len)
		return too_long(err);
	if (access(buf, X_OK) < 0)
		return error_set(err, errno, "find the program %s", buf);
	return 0;
}

/*
 * Whose /run is it? Root's on a host; but in the user namespace of a rootless engine user 0 is an
 * ordinary user of the host, and /run is somebody else's.
 */
static bool owns_run(void)
{
	struct stat st;

	return stat("/run", &st) == 0 && st.st_uid == geteuid();
}

/*
 * This user's id outside of the user namespace that a rootless engine made: the first line of
 * uid_map is "inside outside count".
 */
static unsigned long outer_uid(void)
{
	char line[64] = "";
	char *end;
	unsigned long inside, outside;
	cleanup_close int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, line, sizeof(line) - 1) <= 0)
		return geteuid();
	inside = strtoul(line, &end, 10);
	outside = strtoul(end, &end, 10);
	return inside == geteuid() ? outside : geteuid();
}

int paths_state_path(const struct ocfg_settings *settings, char *buf, size_t size,
		     struct error *err)
{
	const char *runtime_dir = getenv("XDG_RUNTIME_DIR");
	int n;

	if (settings && settings->state_dir)
		n = snprintf(buf, size, "%s", settings->state_dir);
	else if (owns_run())
		n = snprintf(buf, size, "/run/" STATE_NAME);
	else if (runtime_dir && runtime_dir[0] == '/')
		n = snprintf(buf, size, "%s/" STATE_NAME, runtime_dir);
	else
		n = snprintf(buf, size, "/run/user/%lu/" STATE_NAME, outer_uid());
	if ((size_t)n >= size)
		return too_long(err);
	if (buf[0] != '/')
		return error_set(err, EINVAL, "state_dir is no absolute path: %s", buf);
	return 0;
}

/* Opens a folder that only this user may write to, making it if it is missing. */
static int open_private(int dirfd, const char *path, struct error *err)
{
	cleanup_close int fd = -1;
	struct stat st;

	if (mkdirat(dirfd, path, 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "make folder %s", path);
	fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "open folder %s", path);
	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "look at folder %s", path);
	if (st.st_uid != geteuid())
		return error_set(err, EPERM, "use folder %s, which belongs to user %u", path,
				 (unsigned)st.st_uid);
	if (st.st_mode & 022)
		return error_set(err, EPERM, "use folder %s, which others may write to", path);
	return steal_fd(&fd);
}

int paths_state_dir(const struct ocfg_settings *settings, const char *name, struct error *err)
{
	char path[PATH_MAX];
	cleanup_close int fd = -1;
	int rc = paths_state_path(settings, path, sizeof(path), err);

	if (rc < 0)
		return rc;
	fd = open_private(AT_FDCWD, path, err);
	if (fd < 0 || !name[0])
		return steal_fd(&fd);
	rc = open_private(fd, name, err);
	return rc < 0 ? error_wrap(err, "%s", path) : rc;
}

int paths_of_fd(int fd, char *buf, size_t size, struct error *err)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, buf, size);
	if (n < 0)
		return error_set(err, errno, "read %s", link);
	if ((size_t)n >= size)
		return too_long(err);
	buf[n] = '\0';
	return 0;
}

int paths_log_file(char *buf, size_t size)
{
	char dir[PATH_MAX];
	int n;

	if (owns_run()) {
		n = snprintf(buf, size, "/var/log/oci-ksm.log");
	} else {
		int rc = paths_state_path(NULL, dir, sizeof(dir), NULL);

		if (rc < 0)
			return rc;
		(void)mkdir(dir, 0700);
		n = snprintf(buf, size, "%s/log", dir);
	}
	return (size_t)n < size ? 0 : -ENAMETOOLONG;
}
