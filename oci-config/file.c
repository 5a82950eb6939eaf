/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded reading and atomic replacing of small files that hold documents. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-config/cleanup.h"
#include "oci-config/file.h"

ssize_t ocfg_file_read_full(int fd, char *buf, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, buf + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

int ocfg_file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len,
		   struct error *err)
{
	/* O_NONBLOCK: a fifo without a writer would hold us up in open. */
	cleanup_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	cleanup_free char *text = NULL;
	struct stat st;
	size_t size;
	ssize_t len;

	if (fd < 0)
		return error_set(err, errno, "open %s", path);
	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "stat %s", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, EINVAL, "%s: not a regular file", path);
	if ((uintmax_t)st.st_size > max)
		return error_set(err, EFBIG, "read %s: %jd bytes", path, (intmax_t)st.st_size);
	/* One byte more than expected: whether the file has grown shows in the same read. */
	size = (size_t)st.st_size + 1;
	text = malloc(size);
	if (!text)
		return error_set(err, ENOMEM, "read %s", path);
	len = ocfg_file_read_full(fd, text, size);
	if (len < 0)
		return error_set(err, (int)-len, "read %s", path);
	if ((size_t)len == size)
		return error_set(err, EAGAIN, "read %s: it grew meanwhile", path);
	text[len] = '\0';
	*ret = steal_pointer(&text);
	*ret_len = (size_t)len;
	return 0;
}

int ocfg_file_write_full(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A name beside `path` that nobody has, and that fits whatever length path's own last part has. */
static int temporary_path(const char *path, char *buf, size_t size, struct error *err)
{
	const char *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash - path + 1) : 0;
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return error_set(err, errno, "getrandom");
	if (snprintf(buf, size, "%.*s.oci-ksm-%016" PRIx64, folder, path, random) >= (int)size)
		return error_set(err, ENAMETOOLONG, "%s", path);
	return 0;
}

/* chown before chmod, because chown takes the set-id bits away. */
static int fill(int fd, const struct stat *old, const char *data, size_t len)
{
	int rc = ocfg_file_write_full(fd, data, len);

	if (rc < 0 || !old)
		return rc;
	if (fchown(fd, old->st_uid, old->st_gid) < 0)
		return -errno;
	return fchmod(fd, old->st_mode & 07777) < 0 ? -errno : 0;
}

/* `kept`: whose owner and mode the new file gets; NULL: the caller's, and 0600. */
static int replace(int dirfd, const char *path, const struct stat *kept, const char *data,
		   size_t len, struct error *err)
{
	char temporary[PATH_MAX];
	int fd, rc = temporary_path(path, temporary, sizeof(temporary), err);

	if (rc < 0)
		return rc;
	fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_set(err, errno, "create %s", temporary);
	rc = fill(fd, kept, data, len);
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && renameat(dirfd, temporary, dirfd, path) < 0)
		rc = -errno;
	if (rc < 0) {
		unlinkat(dirfd, temporary, 0);
		return error_set(err, -rc, "write %s", path);
	}
	return 0;
}

/* 1: there is such a file. */
static int stat_regular(int dirfd, const char *path, struct stat *st, struct error *err)
{
	bool exists = fstatat(dirfd, path, st, AT_SYMLINK_NOFOLLOW) == 0;

	if (!exists && errno != ENOENT)
		return error_set(err, errno, "stat %s", path);
	if (exists && !S_ISREG(st->st_mode))
		return error_set(err, EINVAL, "%s: not a regular file", path);
	return exists;
}

int ocfg_file_replace(int dirfd, const char *path, const char *data, size_t len, struct error *err)
{
	struct stat st;
	int rc = stat_regular(dirfd, path, &st, err);

	return rc < 0 ? rc : replace(dirfd, path, rc ? &st : NULL, data, len, err);
}

int ocfg_file_publish(int dirfd, const char *path, const char *data, size_t len, struct error *err)
{
	const struct stat kept = {.st_uid = geteuid(), .st_gid = getegid(), .st_mode = 0644};
	struct stat st;
	int rc = stat_regular(dirfd, path, &st, err);

	return rc < 0 ? rc : replace(dirfd, path, &kept, data, len, err);
}
