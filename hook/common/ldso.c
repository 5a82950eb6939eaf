/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /etc/ld.so.preload of a container: what is mounted over it, and the mount point that has to be
 * there.
 */
#include "hook/common/ldso.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hook/common/paths.h"
#include "oci-config/cleanup.h"
#include "oci-config/file.h"
#include "oci-config/plan.h"

#define LDSO_NAME "ld.so.preload"
/* What the shim's own list says: its file is made when it is built. */
#define LDSO_USUAL_TARGET "/dev/" OCFG_PLAN_NAME

bool ldso_is_glibc(const struct rootfs *root)
{
	return rootfs_has_file(root, "/lib64/ld-linux-x86-64.so.2") ||
	       rootfs_has_file(root, "/lib/ld-linux-aarch64.so.1");
}

/*
 * The folder /etc, and itself rather than a mount over it: what is made there must be the image's.
 */
static int open_etc(const struct rootfs *root, struct stat *ret_st, struct error *err)
{
	cleanup_close int etc = rootfs_openat(root->fd, "etc", O_RDONLY | O_DIRECTORY, 0, true);

	if (etc < 0)
		return error_set(err, -etc, "open /etc of the image");
	if (fstat(etc, ret_st) < 0)
		return error_set(err, errno, "look at /etc of the image");
	return steal_fd(&etc);
}

static int open_list(int etc, struct stat *ret_st, struct error *err)
{
	cleanup_close int fd = rootfs_openat(etc, LDSO_NAME, O_PATH | O_NOFOLLOW, 0, true);

	if (fd < 0)
		return error_set(err, -fd, "open " OCFG_PLAN_LD_SO_PRELOAD " of the image");
	if (fstat(fd, ret_st) < 0)
		return error_set(err, errno, "look at " OCFG_PLAN_LD_SO_PRELOAD " of the image");
	if (!S_ISREG(ret_st->st_mode))
		return error_set(err, EINVAL,
				 OCFG_PLAN_LD_SO_PRELOAD " of the image is no regular file");
	if (ret_st->st_size > LDSO_PRELOAD_MAX)
		return error_set(err, EFBIG, "read " OCFG_PLAN_LD_SO_PRELOAD " of the image");
	return steal_fd(&fd);
}

/* A change in a folder shows in its time, and that in the layer's differences. */
static void restore_mtime(int dir, const struct stat *before)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, before->st_mtim};

	(void)futimens(dir, times);
}

static int make_mount_point(int etc, const struct stat *etc_st, struct stat *ret_st,
			    struct error *err)
{
	cleanup_close int fd =
		rootfs_openat(etc, LDSO_NAME, O_WRONLY | O_CREAT | O_EXCL, 0444, true);

	if (fd < 0)
		return error_set(err, -fd, "make " OCFG_PLAN_LD_SO_PRELOAD " in the image");
	restore_mtime(etc, etc_st);
	if (fstat(fd, ret_st) < 0)
		return error_set(err, errno, "look at " OCFG_PLAN_LD_SO_PRELOAD " of the image");
	return 0;
}

/* fd is O_PATH: only now that it is known to be a regular file is it opened for reading. */
static int read_list(int fd, char **ret, size_t *ret_len, struct error *err)
{
	char path[64];
	int rc;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	rc = ocfg_file_read(AT_FDCWD, path, LDSO_PRELOAD_MAX, ret, ret_len, err);
	return rc < 0 ? error_wrap(err, OCFG_PLAN_LD_SO_PRELOAD " of the image") : 0;
}

/* The image's list with the shim's line at the end; the caller frees it. */
static int append_shim(const char *list, size_t len, const char *target, char **ret,
		       size_t *ret_len, struct error *err)
{
	size_t size = len + strlen(target) + sizeof("\n/" OCFG_PLAN_SHIM "\n");
	char *text = malloc(size);

	if (!text)
		return error_set(err, ENOMEM, "append to " OCFG_PLAN_LD_SO_PRELOAD " of the image");
	if (len > 0)
		memcpy(text, list, len);
	*ret_len = len + (size_t)snprintf(text + len, size - len, "%s%s/" OCFG_PLAN_SHIM "\n",
					  len > 0 && list[len - 1] != '\n' ? "\n" : "", target);
	*ret = text;
	return 0;
}

/*
 * Writes this container's own list below the state folder. Everybody in the container has to be
 * able to read it.
 */
static int save_list(const struct ldso_options *options, const char *text, size_t len,
		     struct ldso *ldso, struct error *err)
{
	char dir[PATH_MAX];
	int rc = ocfg_file_replace(options->merged_dir, options->id, text, len, err);

	if (rc == 0)
		rc = paths_of_fd(options->merged_dir, dir, sizeof(dir), err);
	if (rc < 0)
		return rc;
	if (fchmodat(options->merged_dir, options->id, 0444, 0) < 0)
		return error_set(err, errno, "make merged list %s readable", options->id);
	if ((size_t)snprintf(ldso->source, sizeof(ldso->source), "%s/%s", dir, options->id) >=
	    sizeof(ldso->source))
		return error_set(err, ENAMETOOLONG, "name merged list %s", options->id);
	return 0;
}

/* What is found or made in /etc, seen with the rights of its owner. */
struct image_list {
	struct stat st;
	bool made;
	char *text; /* NULL if it is empty; owned */
	size_t len;
};

static int find_or_make(const struct rootfs *root, int etc, const struct stat *etc_st,
			struct image_list *list, struct error *err)
{
	cleanup_close int fd = open_list(etc, &list->st, err);

	if (fd == -ENOENT) {
		if (!root->may_create)
			return error_set(err, EPERM,
					 "make " OCFG_PLAN_LD_SO_PRELOAD
					 " in a root that is not only the container's");
		list->made = true;
		return make_mount_point(etc, etc_st, &list->st, err);
	}
	if (fd < 0)
		return fd;
	return list->st.st_size == 0 ? 0 : read_list(fd, &list->text, &list->len, err);
}

/*
 * A start of this container that never came to its poststop left its mount point: it is still ours.
 */
static bool is_left_over(const struct ocfg_record *before, const struct image_list *list)
{
	return before && before->made_ld_so_preload && before->made_ino == list->st.st_ino &&
	       list->st.st_size == 0;
}

/* What is to be mounted: the shim's own list, or one that is made for this container. */
static int choose_source(const struct image_list *list, const struct ldso_options *options,
			 struct ldso *ldso, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len = 0;
	int rc;

	if (list->len == 0 && !strcmp(options->target, LDSO_USUAL_TARGET)) {
		if ((size_t)snprintf(ldso->source, sizeof(ldso->source), "%s/" LDSO_NAME,
				     options->preload_dir) >= sizeof(ldso->source))
			return error_set(err, ENAMETOOLONG, "name the shim's list");
		/* A runtime refuses to start a container with a mount whose source is missing. */
		if (access(ldso->source, R_OK) < 0)
			return error_set(err, errno, "find the shim's list %s", ldso->source);
		return 0;
	}
	rc = append_shim(list->text, list->len, options->target, &text, &len, err);
	if (rc < 0)
		return rc;
	ldso->merged = true;
	return save_list(options, text, len, ldso, err);
}

int ldso_prepare(const struct rootfs *root, const struct ldso_options *options, struct ldso *ret,
		 struct error *err)
{
	struct image_list list = {.made = false};
	struct ldso ldso = {.made = false};
	struct stat etc_st;
	cleanup_close int etc = open_etc(root, &etc_st, err);
	int rc = etc < 0 ? etc : rootfs_become_owner(&etc_st, err);

	if (rc < 0)
		return rc;
	rc = find_or_make(root, etc, &etc_st, &list, err);
	rootfs_become_self();
	if (rc < 0)
		return rc;
	ldso.dev = list.st.st_dev;
	ldso.ino = list.st.st_ino;
	ldso.made = list.made || is_left_over(options->before, &list);
	rc = choose_source(&list, options, &ldso, err);
	free(list.text);
	if (rc < 0 && ldso.made)
		(void)ldso_remove(root, ldso.dev, ldso.ino, NULL);
	else if (rc == 0)
		*ret = ldso;
	return rc;
}

static int remove_if_same(int etc, dev_t dev, ino_t ino, struct error *err)
{
	cleanup_close int fd = rootfs_openat(etc, LDSO_NAME, O_PATH | O_NOFOLLOW, 0, true);
	struct stat st;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return error_set(err, -fd, "open " OCFG_PLAN_LD_SO_PRELOAD " of the image");
	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "look at " OCFG_PLAN_LD_SO_PRELOAD " of the image");
	if (st.st_dev != dev || st.st_ino != ino || !S_ISREG(st.st_mode) || st.st_size != 0)
		return 0;
	if (unlinkat(etc, LDSO_NAME, 0) < 0)
		return error_set(err, errno, "remove " OCFG_PLAN_LD_SO_PRELOAD " from the image");
	return 0;
}

int ldso_remove(const struct rootfs *root, dev_t dev, ino_t ino, struct error *err)
{
	struct stat etc_st;
	cleanup_close int etc = open_etc(root, &etc_st, err);
	int rc = etc < 0 ? etc : rootfs_become_owner(&etc_st, err);

	if (rc < 0)
		return rc;
	rc = remove_if_same(etc, dev, ino, err);
	if (rc == 0)
		restore_mtime(etc, &etc_st);
	rootfs_become_self();
	return rc;
}
