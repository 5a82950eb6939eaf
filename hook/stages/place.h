/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Placing the shim into a container whose mount namespace is there, and whose program does not run
 * yet.
 */
#ifndef HOOK_STAGES_PLACE_H
#define HOOK_STAGES_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "hook/common/bind.h"
#include "hook/common/container.h"
#include "hook/common/rootfs.h"
#include "hook/common/traces.h"
#include "oci-config/state.h"

struct place {
	struct container *c;
	const struct ocfg_oci_state *state;
	int bundle;	      /* opened once: what happens to its path later does not matter */
	struct rootfs root;   /* as the host sees it */
	struct traces traces; /* may be open already */
	bool is_claimed; /* and hold a record that stays if the shim does not get in (claim.h) */

	struct bind_ns ns;
	int inside; /* the root file system as the container's mount namespace has it */
	int tmpfs;  /* the folder in it that takes the shim's */
	struct stat tmpfs_st;
	bool is_reached; /* config.json has the shim in its mounts and environment */
	bool is_there;	 /* the shim's folder is mounted already, because config.json says so */
	int shim_tree, ldso_tree; /* what is to be mounted; -1: nothing */
};

/* Start with this, and the first three members. */
#define PLACE_NONE                                                                                 \
	.root = ROOTFS_NONE, .traces = TRACES_NONE, .ns = BIND_NS_NONE, .inside = -1, .tmpfs = -1, \
	.shim_tree = -1, .ldso_tree = -1

/*
 * Mounts the shim's folder and /etc/ld.so.preload, as far as config.json has not got them mounted,
 * and writes the record. -errno if the shim does not get into this container and nothing else of the
 * decision helps; a part that can be missed is one warning.
 */
int place_run(struct place *p, struct error *err);
void place_done(struct place *p);
/* Has another stage (prestart and createRuntime may both be configured) done all for this very process? */
bool place_is_done(const struct place *p, uint64_t start_time);

#endif
