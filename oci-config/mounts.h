/* SPDX-License-Identifier: Apache-2.0 */
/* mounts of config.json. */
#ifndef OCI_CONFIG_MOUNTS_H
#define OCI_CONFIG_MOUNTS_H

#include <stdbool.h>

#include "oci-config/error.h"
#include "oci-config/spec.h"

/*
 * Is `destination` (absolute, normalised) a tmpfs that the runtime makes for this container alone:
 * the last mount with exactly that destination is of type tmpfs, and empty at first? A mount point
 * below it leaves no trace in the image.
 */
bool ocfg_mounts_is_tmpfs(const struct ocfg_spec *spec, const char *destination);
/* Is there a mount whose destination is `destination`, or one above it other than "/"? */
bool ocfg_mounts_covers(const struct ocfg_spec *spec, const char *destination);
/* Is there a mount of `source` at `destination`, both as they are written? */
bool ocfg_mounts_has(const struct ocfg_spec *spec, const char *source, const char *destination);
/* The source of the last mount with exactly this destination, borrowed, or NULL. */
const char *ocfg_mounts_source(const struct ocfg_spec *spec, const char *destination);
/* Adds a read-only bind mount (bind,ro,nosuid,nodev) at the end; nothing if ocfg_mounts_has it. */
int ocfg_mounts_add_bind(struct ocfg_spec *spec, const char *source, const char *destination,
			 struct error *err);
/*
 * Removes the mount of `source` at `destination`; the array as well if that had to be made for it.
 */
int ocfg_mounts_remove(struct ocfg_spec *spec, const char *source, const char *destination,
		       struct error *err);

#endif
