/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trust domain that merges now. KSM merges across all processes of the host, so containers of one domain only may be
 * mergeable at one time: those that have a record or were switched on, and are alive. A container that names none has
 * the domain "", which is one like the others.
 */
#ifndef HOOK_COMMON_DOMAIN_H
#define HOOK_COMMON_DOMAIN_H

#include <stddef.h>

#include "hook/common/switched.h"
#include "oci-config/error.h"
#include "oci-config/settings.h"
#include "oci-config/state.h"

/* Held by one program at a time, from the question to what makes the answer true: a record or switched/ID.json. */
struct domain_guard {
	int state, records, switched; /* folders; private */
};

/*
 * Waits for it, at most 5 s (-EAGAIN). Take it after switched_lock, hold it for no longer than files take, and end it with
 * domain_end, also after an error of domain_claim.
 */
int domain_begin(const struct ocfg_settings *settings, struct domain_guard *ret, struct error *err);
void domain_end(struct domain_guard *guard);

/*
 * May container `id` merge, being of this domain? -EBUSY: another domain merges now; err is a sentence with both and with who
 * holds it. After 0 save what says that it merges (a record with modes, or switched/ID.json) before domain_end.
 */
int domain_claim(const struct domain_guard *guard, const char *id, const char *domain,
		 struct error *err);

/*
 * For who switches a running container on (enable, the profit guard), before it is marked: claims for it, being of the domain
 * that its record tells, and saves `switched`, which says that it merges. -EBUSY as above, and nothing is saved.
 */
int domain_switch_on(const struct ocfg_settings *settings, const struct switched *switched,
		     struct error *err);

/* The domain of container `id` as its record tells; "" if there is none. */
void domain_of(const struct domain_guard *guard, const char *id, char buf[OCFG_DOMAIN_SIZE]);

struct domain_holder {
	char domain[OCFG_DOMAIN_SIZE];
	char id[OCFG_ID_MAX + 1]; /* one of the containers that merge */
	size_t count;		  /* of all domains; 0: nothing merges */
};
/* Which domain merges now. */
int domain_find(const struct domain_guard *guard, struct domain_holder *ret, struct error *err);

#endif
