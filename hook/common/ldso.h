/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /etc/ld.so.preload of a container: what is mounted over it, and the mount point that has to be
 * there.
 */
#ifndef HOOK_COMMON_LDSO_H
#define HOOK_COMMON_LDSO_H

#include <limits.h>
#include <stdbool.h>

#include "hook/common/rootfs.h"
#include "oci-config/error.h"
#include "oci-config/state.h"

/* Larger ones are no list of libraries, and are left alone. */
#define LDSO_PRELOAD_MAX (64u << 10)

struct ldso {
	char source[PATH_MAX]; /* the host's file to mount over it */
	dev_t dev;	       /* the mount point in the root file system */
	ino_t ino;
	bool made;   /* it was missing, and we made it: an empty file, to be taken away again */
	bool merged; /* source is a file made for this container, to be taken away as well */
};

/* Does the image have glibc, whose ld.so reads /etc/ld.so.preload? */
bool ldso_is_glibc(const struct rootfs *root);

/*
 * Where things come from: the shim's folder on the host and in the container, the state and the
 * container.
 */
struct ldso_options {
	const char *preload_dir;
	const char *target;
	int merged_dir; /* paths_state_dir "merged" */
	const char *id;
	const struct ocfg_record
		*before; /* what an earlier start of this container left, or NULL */
};

/*
 * Finds or makes the mount point, and the file to mount there: the shim's own list, or, where the
 * image has a list, a copy of that with the shim at the end. -errno if this image's file is not for
 * us to touch (the environment has to do then). Only a made mount point is left behind, which
 * ldso_remove takes away.
 */
int ldso_prepare(const struct rootfs *root, const struct ldso_options *options, struct ldso *ret,
		 struct error *err);

/*
 * Removes the mount point if it is still that very file, empty; the time of its folder stays as it
 * is. 0 as well if there is nothing (any more) to remove.
 */
int ldso_remove(const struct rootfs *root, dev_t dev, ino_t ino, struct error *err);

#endif
