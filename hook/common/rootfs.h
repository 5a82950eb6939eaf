/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's root file system: it is the tenant's, so nothing in it may lead a privileged
 * program out of it.
 */
#ifndef HOOK_COMMON_ROOTFS_H
#define HOOK_COMMON_ROOTFS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "oci-config/error.h"

/* Start with ROOTFS_NONE; rootfs_done closes it. */
struct rootfs {
	int fd; /* O_PATH */
	dev_t dev;
	ino_t ino;
	/*
	 * false: this is the host's own root, or a symbolic link led here; nothing may be created
	 * in it.
	 */
	bool may_create;
};

#define ROOTFS_NONE ((struct rootfs){.fd = -1})

/* Opens root.path of config.json, relative to the folder of the bundle. */
int rootfs_open(int bundle, const char *path, struct rootfs *ret, struct error *err);
void rootfs_done(struct rootfs *root);

/*
 * openat2: `path` below `dirfd` through no symbolic link and never above it. With `same_mount` not
 * through a mount point either. Returns the descriptor (O_CLOEXEC added) or -errno.
 */
int rootfs_openat(int dirfd, const char *path, int flags, mode_t mode, bool same_mount);

/*
 * Is there a regular file at `path`, as a program in the container would find it (symbolic links
 * are followed, "/" is the root file system)?
 */
bool rootfs_has_file(const struct rootfs *root, const char *path);
/*
 * Opens that file for reading: nothing but a regular file is opened, and no fifo or device touched. Returns the descriptor
 * or -errno; -EINVAL if it is something else.
 */
int rootfs_open_file(const struct rootfs *root, const char *path);

/*
 * Between the two, files are opened and created as the owner of `folder`: a user namespace may not
 * know the host's root, and what that owner may not read is not for us to hand out. A negative
 * result leaves everything as it was.
 */
int rootfs_become_owner(const struct stat *folder, struct error *err);
void rootfs_become_self(void);

#endif
