/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container leaves behind on the host: its record, its merged list, a mount point in the
 * image; and taking it away.
 */
#ifndef HOOK_COMMON_TRACES_H
#define HOOK_COMMON_TRACES_H

#include <stdbool.h>

#include "hook/common/container.h"
#include "hook/common/ldso.h"
#include "hook/common/rootfs.h"
#include "oci-config/error.h"
#include "oci-config/settings.h"
#include "oci-config/state.h"

/*
 * What a container misses whose environment has the shim, but nothing more: its /etc/ld.so.preload
 * could not be prepared; or it has no record, without which that is not even tried.
 */
#define TRACES_NO_LDSO	 "programs that drop their environment are not reached"
#define TRACES_NOT_SHOWN "oci-ksm status does not show the container"
#define TRACES_NO_RECORD TRACES_NO_LDSO ", and " TRACES_NOT_SHOWN

/*
 * The traces of one container. Start with TRACES_NONE; traces_done closes, and leaves the traces.
 */
struct traces {
	int records, merged; /* folders of the state */
	struct ocfg_record
		before;	  /* what is recorded of this container already; id NULL: nothing */
	struct ldso ldso; /* source "" as long as /etc/ld.so.preload is not used */
};

#define TRACES_NONE ((struct traces){.records = -1, .merged = -1})

/* Opens (or makes) the folders of the state and reads what is there of container `id`. */
int traces_open(const struct ocfg_settings *settings, const char *id, struct traces *ret,
		struct error *err);
void traces_done(struct traces *traces);

/* Prepares /etc/ld.so.preload of a container with glibc (ldso_prepare). */
int traces_prepare_ldso(struct traces *traces, const struct container *c, const char *id,
			const struct rootfs *root, struct error *err);
/*
 * Writes the record: what `record` says, which the caller fills in as far as it knows, and what was
 * prepared here. What was recorded before of this container in the same bundle stays if nothing
 * replaces it.
 */
int traces_save(const struct traces *traces, const struct rootfs *root, struct ocfg_record *record,
		struct error *err);
/* Takes back what traces_prepare_ldso made. */
void traces_undo_ldso(struct traces *traces, const struct rootfs *root, const char *id);
/* Takes back what this start has made so far, because it failed: the record is as it was before. */
void traces_undo(struct traces *traces, const struct rootfs *root, const char *id);
/*
 * The container is gone. Takes everything away: the mount point in the image, if it is still ours,
 * the merged list and the record.
 */
int traces_remove(struct traces *traces, const char *id, struct error *err);

#endif
