/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded reading and atomic replacing of small files that hold documents. */
#ifndef OCI_CONFIG_FILE_H
#define OCI_CONFIG_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "oci-config/error.h"

/* No OCI document that an engine makes comes near this; what is larger is refused unread. */
#define OCFG_FILE_MAX (16u << 20)

/*
 * Reads the regular file `path` (relative to dirfd, or AT_FDCWD) of at most `max` bytes. *ret is
 * NUL terminated, *ret_len without the NUL; the caller frees it. Returns 0 or -errno: -EFBIG when
 * larger, -EINVAL when it is no regular file (a fifo or device is never waited for).
 */
int ocfg_file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len,
		   struct error *err);

/*
 * Replaces `path` atomically (temporary file beside it, fsync not needed, rename), keeping owner
 * and mode if it exists, else root's with mode 0600. On failure the old file is as it was and
 * nothing is left.
 */
int ocfg_file_replace(int dirfd, const char *path, const char *data, size_t len, struct error *err);
/* The same for what everybody may read: owner is the caller and mode 0644, whatever was there and whatever the umask is. */
int ocfg_file_publish(int dirfd, const char *path, const char *data, size_t len, struct error *err);

/*
 * read and write that go on after a signal or a part: up to `size` bytes until the end of the file,
 * their count is returned; all of `data`, 0 is returned. Or -errno.
 */
ssize_t ocfg_file_read_full(int fd, char *buf, size_t size);
int ocfg_file_write_full(int fd, const char *data, size_t len);

#endif
