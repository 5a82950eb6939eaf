/* SPDX-License-Identifier: Apache-2.0 */
/* The container's root file system: opened and searched so that nothing in it leads out of it. */
#include "hook/common/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oci-config/cleanup.h"

/*
 * openat2 (Linux 5.6) returns EAGAIN when a rename or mount races with "..": try again, but not for
 * ever.
 */
#define OPEN_TRIES 16

static int open_resolved(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.mode = mode,
		.resolve = resolve | RESOLVE_NO_MAGICLINKS,
	};

	for (int i = 0; i < OPEN_TRIES; i++) {
		long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return -EAGAIN;
}

int rootfs_openat(int dirfd, const char *path, int flags, mode_t mode, bool same_mount)
{
	return open_resolved(dirfd, path, flags, mode,
			     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
				     (same_mount ? (uint64_t)RESOLVE_NO_XDEV : 0));
}

bool rootfs_has_file(const struct rootfs *root, const char *path)
{
	cleanup_close int fd = open_resolved(root->fd, path, O_PATH, 0, RESOLVE_IN_ROOT);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

int rootfs_open_file(const struct rootfs *root, const char *path)
{
	cleanup_close int found = open_resolved(root->fd, path, O_PATH, 0, RESOLVE_IN_ROOT);
	char link[64];
	struct stat st;
	int fd;

	if (found < 0)
		return found;
	if (fstat(found, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", found);
	fd = open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/*
 * A relative path lies in the bundle, which may be the tenant's: no link at all. In an absolute
 * one, which the engine wrote, the host's own folders may be links, but not the root file system
 * itself.
 */
static int open_root(int bundle, const char *path, bool *ret_linked)
{
	int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
	int fd = open_resolved(bundle, path, flags, 0, path[0] == '/' ? 0 : RESOLVE_NO_SYMLINKS);

	*ret_linked = fd == -ELOOP || fd == -ENOTDIR;
	if (*ret_linked)
		fd = open_resolved(bundle, path, O_PATH | O_DIRECTORY, 0, 0);
	return fd;
}

int rootfs_open(int bundle, const char *path, struct rootfs *ret, struct error *err)
{
	bool linked;
	struct stat st, host;
	cleanup_close int fd = path ? open_root(bundle, path, &linked) : -1;

	if (!path)
		return error_set(err, EINVAL, "config.json names no root.path");
	if (fd < 0)
		return error_set(err, -fd, "open root file system %s", path);
	if (fstat(fd, &st) < 0 || stat("/", &host) < 0)
		return error_set(err, errno, "look at root file system %s", path);
	*ret = (struct rootfs){
		.dev = st.st_dev,
		.ino = st.st_ino,
		.may_create = !linked && (st.st_dev != host.st_dev || st.st_ino != host.st_ino),
	};
	ret->fd = steal_fd(&fd);
	return 0;
}

void rootfs_done(struct rootfs *root)
{
	if (root->fd >= 0)
		close(root->fd);
	*root = ROOTFS_NONE;
}

/* setfsuid and setfsgid tell no errors, only the id that was in force before. */
int rootfs_become_owner(const struct stat *folder, struct error *err)
{
	setfsgid(folder->st_gid);
	setfsuid(folder->st_uid);
	if ((uid_t)setfsuid((uid_t)-1) == folder->st_uid &&
	    (gid_t)setfsgid((gid_t)-1) == folder->st_gid)
		return 0;
	rootfs_become_self();
	return error_set(err, EPERM, "act as user %u, owner of the folder",
			 (unsigned)folder->st_uid);
}

void rootfs_become_self(void)
{
	setfsuid(geteuid());
	setfsgid(getegid());
}
