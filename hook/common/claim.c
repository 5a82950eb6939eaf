/* SPDX-License-Identifier: Apache-2.0 */
/* A container that is about to start takes the right to merge, which one trust domain has at a time (domain.h). */
#include "hook/common/claim.h"

#include <errno.h>
#include <stddef.h>

#include "hook/common/domain.h"

void claim_fill(const struct container *c, struct ocfg_record *record)
{
	record->modes = c->decision.modes;
	record->reason = (char *)c->decision.reason;
	record->shim_target = (char *)c->target;
	record->min_size = c->wishes.min_size;
	record->required = c->required;
	record->domain = c->wishes.domain[0] ? (char *)c->wishes.domain : NULL;
	record->layout_shared = c->decision.layout_shared;
}

int claim_domain(struct container *c, const char *id, struct traces *traces,
		 struct ocfg_record *record, struct error *err)
{
	struct domain_guard guard;
	struct error why = {0};
	int rc = traces->records >= 0 ? 0 : traces_open(&c->settings, id, traces, &why);

	if (rc == 0)
		rc = domain_begin(&c->settings, &guard, &why);
	if (rc == 0) {
		record->modes = 0;
		rc = domain_claim(&guard, id, c->wishes.domain, &why);
		if (rc == 0) {
			claim_fill(c, record);
			rc = traces_save(traces, NULL, record, &why);
			record->modes = rc == 0 ? record->modes : 0;
		}
		domain_end(&guard);
	}
	/* Whoever needs that folder says so then. */
	if (rc == 0 || (rc != -EBUSY && !c->wishes.domain[0]))
		return 0;
	if (rc != -EBUSY)
		error_wrap(&why, "trust domain %s", c->wishes.domain);
	container_refuse(c, &why);
	return error_set(err, EINVAL, "%s", c->decision.reason);
}
