/* SPDX-License-Identifier: Apache-2.0 */
/* Bind mounts by descriptor, from the host into another mount namespace. */
#include "hook/common/bind.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "oci-config/cleanup.h"

int bind_clone(const char *source, struct error *err)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
		.propagation = MS_PRIVATE,
	};
	/* open_tree, move_mount: Linux 5.2 */
	cleanup_close int tree = open_tree(
		AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);

	if (tree < 0)
		return error_set(err, errno, "clone mount of %s", source);
	/* Linux 5.12; where it is missing, bind_attach makes the mount read-only. */
	if (mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0 && errno != ENOSYS)
		return error_set(err, errno, "make mount of %s read-only", source);
	return steal_fd(&tree);
}

int bind_attach(int tree, int target, struct error *err)
{
	struct statvfs fs;
	char path[64];

	if (move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return error_set(err, errno, "mount into the container");
	if (fstatvfs(tree, &fs) == 0 && (fs.f_flag & ST_RDONLY))
		return 0;
	/* There was no mount_setattr. The container's program does not run yet. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", tree);
	if (mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) <
	    0)
		return error_set(err, errno, "make mount in the container read-only");
	return 0;
}

int bind_is_mounted(dev_t dev, struct error *err)
{
	char wanted[32];
	cleanup_free char *line = NULL;
	size_t size = 0;
	cleanup_file FILE *file = fopen("/proc/self/mountinfo", "re");

	if (!file)
		return error_set(err, errno, "open /proc/self/mountinfo");
	/* "36 35 98:0 /mnt1 /mnt2 ...": proc_pid_mountinfo(5) */
	snprintf(wanted, sizeof(wanted), "%u:%u", major(dev), minor(dev));
	while (getline(&line, &size, file) > 0) {
		char *rest = line, *field = NULL;

		for (int i = 0; i < 3; i++)
			field = strsep(&rest, " ");
		if (field && !strcmp(field, wanted))
			return 1;
	}
	return ferror(file) ? error_set(err, EIO, "read /proc/self/mountinfo") : 0;
}

static bool same_namespace(int a, int b)
{
	struct stat st_a, st_b;

	return fstat(a, &st_a) == 0 && fstat(b, &st_b) == 0 && st_a.st_dev == st_b.st_dev &&
	       st_a.st_ino == st_b.st_ino;
}

int bind_ns_open(pid_t pid, struct bind_ns *ret, struct error *err)
{
	char path[64];
	cleanup_close int own = -1, its = -1, pidfd = -1;

	/* Linux 5.3. From here on the pid cannot come to mean another process. */
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return error_set(err, errno, "open process %d", (int)pid);
	own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
	its = open(path, O_RDONLY | O_CLOEXEC);
	if (own < 0 || its < 0)
		return error_set(err, errno, "open mount namespace of process %d", (int)pid);
	if (same_namespace(own, its))
		return error_set(err, EINVAL, "process %d has no mount namespace of its own",
				 (int)pid);
	ret->own = steal_fd(&own);
	ret->pidfd = steal_fd(&pidfd);
	return 0;
}

int bind_ns_enter(const struct bind_ns *ns, struct error *err)
{
	/* setns takes a pidfd since Linux 5.8. */
	if (setns(ns->pidfd, CLONE_NEWNS) < 0)
		return error_set(err, errno, "enter the container's mount namespace");
	return 0;
}

int bind_ns_leave(const struct bind_ns *ns, struct error *err)
{
	if (setns(ns->own, CLONE_NEWNS) < 0)
		return error_set(err, errno, "return to the host's mount namespace");
	return 0;
}

void bind_ns_done(struct bind_ns *ns)
{
	if (ns->own >= 0)
		close(ns->own);
	if (ns->pidfd >= 0)
		close(ns->pidfd);
	*ns = BIND_NS_NONE;
}
