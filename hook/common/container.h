/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container that is about to start: its document, what it wishes, and what is to be done about it
 * on this host.
 */
#ifndef HOOK_COMMON_CONTAINER_H
#define HOOK_COMMON_CONTAINER_H

#include <limits.h>
#include <stdbool.h>

#include "oci-config/annotations.h"
#include "oci-config/error.h"
#include "oci-config/notes.h"
#include "oci-config/plan.h"
#include "oci-config/policy.h"
#include "oci-config/seccomp.h"
#include "oci-config/settings.h"
#include "oci-config/spec.h"

struct container {
	struct ocfg_settings settings;
	struct error settings_err; /* code 0: none */
	struct ocfg_notes notes;   /* of the settings and the wishes */
	struct ocfg_spec spec;
	struct ocfg_wishes wishes;
	bool required; /* also known when the wishes themselves are what is wrong */
	struct ocfg_decision decision;
	const char *no_process; /* the mode process has been tried in vain: why */
	const char *target; /* of the shim's folder, in the container; NULL: no shim goes there */
	char preload_dir[PATH_MAX];
	struct ocfg_seccomp_edit notify; /* for decision.modes with OCFG_MODE_NOTIFY */
	char socket[PATH_MAX];		 /* notify.socket */
	/* Set by who can edit config.json before the runtime reads it. */
	bool edits_config;
	int bundle; /* its folder, for a relative root.path; -1, as container_init leaves it: not known. Not owned */
	/*
	 * Set by who knows the runtime: can it notify? `kernel`: enum probe, as the helper found. Fills in
	 * the flags of c->notify.
	 */
	int (*ask_runtime)(struct container *c, unsigned kernel, struct error *err);
	const char *runtime;
	bool told;	  /* a line about this container has been logged */
	bool done_before; /* an earlier stage has done all for this start, and told how it went */
};

/*
 * Loads the settings (bad ones are kept in mind, and the defaults hold) and sets up the log.
 * container_done frees.
 */
void container_init(struct container *c, const char *program);
void container_done(struct container *c);

/* Parses config.json, or what is in `text`. */
int container_load(struct container *c, int dirfd, const char *path, struct error *err);
int container_parse(struct container *c, const char *text, size_t len, struct error *err);
/* What the container wishes: wishes.modes is 0 if nothing. `opted_in` as in ocfg_wishes_read. */
int container_wish(struct container *c, bool opted_in, struct error *err);
/*
 * What is done about it. -errno if that is nothing, or less than what is required; decision.reason
 * says why.
 */
int container_decide(struct container *c, struct error *err);

/*
 * A mode of the decision cannot be had after all, because of `why`: the others have to do, or what auto takes in its place.
 * -EINVAL if there are none, or merging is required; the decision says the reason in any case.
 */
int container_lose(struct container *c, enum ocfg_mode mode, const struct error *why,
		   struct error *err);

/* It may not merge after all, because of `why`: the decision is "off", and says that. */
void container_refuse(struct container *c, const struct error *why);
/* The same address layout in all copies cannot be had after all. -EINVAL if merging is required. */
int container_lose_layout(struct container *c, const struct error *why, struct error *err);

/* The edit that goes with the decision, or NULL. */
const struct ocfg_seccomp_edit *container_notify_edit(const struct container *c);
/* "<target>/$LIB/libksm_preload.so" stands in the LD_PRELOAD of the container's program. */
bool container_has_env(const struct container *c);
/*
 * Logging: the problems of the settings and wishes, a fault that does not stop us, and how it
 * ended.
 */
void container_tell_problems(struct container *c);
void container_warn(struct container *c, const struct error *err, const char *consequence);
void container_tell_done(struct container *c);
/*
 * The last word on a fault: logged; the exit status: 0, or 1 (and a line on stderr) if merging is
 * required.
 */
int container_tell_fault(struct container *c, const struct error *err);

#endif
