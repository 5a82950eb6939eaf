/* SPDX-License-Identifier: Apache-2.0 */
/* How the program of a container is linked: found as a runtime finds it, and read from the header of its file. */
#ifndef HOOK_COMMON_PROGRAM_H
#define HOOK_COMMON_PROGRAM_H

#include "hook/common/rootfs.h"
#include "oci-config/policy.h"
#include "oci-config/spec.h"

/*
 * How is `name` linked, searched in the folders of `path` (as $PATH; NULL: none) if it has no slash, and below `cwd` if it is
 * relative? `root` is the tenant's: nothing in it leads out of it, only regular files are opened, and little is read. What the
 * mounts of `spec` (or NULL) hide is unknown, and so is what is made for another processor.
 */
enum ocfg_program program_find(const struct rootfs *root, const struct ocfg_spec *spec,
			       const char *name, const char *cwd, const char *path);
/* The program that config.json names; `bundle`: the folder that a relative root.path is in, -1: not known. */
enum ocfg_program program_of_container(const struct ocfg_spec *spec, int bundle);
/* The program that this process would execute by that name. */
enum ocfg_program program_of_command(const char *name);

#endif
