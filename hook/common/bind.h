/* SPDX-License-Identifier: Apache-2.0 */
/* Bind mounts by descriptor, from the host into another mount namespace. */
#ifndef HOOK_COMMON_BIND_H
#define HOOK_COMMON_BIND_H

#include <sys/types.h>

#include "oci-config/error.h"

/*
 * A mount of `source` (a file or folder of this mount namespace) that is attached nowhere:
 * read-only, nosuid, nodev. Returns its descriptor.
 */
int bind_clone(const char *source, struct error *err);
/*
 * Mounts it over the file or folder `target` (a descriptor) of the mount namespace that this
 * process is in by now.
 */
int bind_attach(int tree, int target, struct error *err);

/* Is a file system with this device mounted anywhere in this mount namespace? 1, 0 or -errno. */
int bind_is_mounted(dev_t dev, struct error *err);

/*
 * A process's mount namespace, entered and left by a program with one thread. Start with
 * BIND_NS_NONE.
 */
struct bind_ns {
	int own;   /* this program's mount namespace */
	int pidfd; /* whose namespace to enter */
};

#define BIND_NS_NONE ((struct bind_ns){.own = -1, .pidfd = -1})

/* -EINVAL if the process has no mount namespace of its own. */
int bind_ns_open(pid_t pid, struct bind_ns *ret, struct error *err);
int bind_ns_enter(const struct bind_ns *ns, struct error *err);
/* Back to the program's own, with "/" as working directory. */
int bind_ns_leave(const struct bind_ns *ns, struct error *err);
void bind_ns_done(struct bind_ns *ns);

#endif
