/* SPDX-License-Identifier: Apache-2.0 */
/* prestart, createRuntime: puts the shim into a container that is about to start. */
#include <errno.h>
#include <fcntl.h>

#include "hook/common/caps.h"
#include "hook/common/claim.h"
#include "hook/common/log.h"
#include "hook/common/proc.h"
#include "hook/stages/input.h"
#include "hook/stages/place.h"
#include "hook/stages/stages.h"
#include "hook/stages/whole.h"

/*
 * CAP_SYS_ADMIN, CAP_SYS_CHROOT: setns to the container's mount namespace, open_tree,
 * mount_setattr, move_mount. CAP_SYS_PTRACE: to open /proc/PID/ns of an init that has other users
 * or more capabilities than are left here, and to stop it for the mode process (CAP_SYS_ADMIN then
 * hides the injected call from its filters). CAP_SETUID, CAP_SETGID: what is made in the container is
 * made as the owner of its folder. CAP_DAC_READ_SEARCH: bundles and root file systems of user
 * namespaces lie in folders of theirs.
 */
static const cap_value_t needed[] = {CAP_SYS_ADMIN, CAP_SYS_CHROOT, CAP_SYS_PTRACE,
				     CAP_SETUID,    CAP_SETGID,	    CAP_DAC_READ_SEARCH};

static int enter_process(struct container *c, pid_t init, struct error *err)
{
	struct error why = {0};
	int rc = 0;

	if (c->decision.modes & OCFG_MODE_PROCESS && whole_enter(init, &why) < 0)
		rc = container_lose(c, OCFG_MODE_PROCESS, &why, err);
	if (rc == 0 && c->decision.layout_shared && whole_share_layout(init, true, &why) < 0)
		rc = container_lose_layout(c, &why, err);
	return rc;
}

/* A container with a domain of its own needs a record before it may merge. */
static int claim(struct place *p, struct error *err)
{
	struct proc_stat init;
	struct error why = {0};
	struct ocfg_record record = {
		.id = p->state->id,
		.bundle = p->state->bundle,
		.pid = p->state->pid,
	};
	int rc = proc_stat_read(p->state->pid, &init, &why);

	if (rc == 0)
		(void)traces_open(&p->c->settings, p->state->id, &p->traces, NULL);
	if (rc == 0 && place_is_done(p, init.start_time))
		return 0;
	if (rc == 0) {
		record.source = p->traces.before.source ? p->traces.before.source : (char *)"hook";
		record.start_time = init.start_time;
		rc = claim_domain(p->c, p->state->id, &p->traces, &record, err);
		p->is_claimed = record.modes != 0;
		return rc;
	}
	if (!p->c->wishes.domain[0])
		return 0; /* what needs that process will say so */
	container_refuse(p->c, &why);
	return error_set(err, EINVAL, "%s", why.msg);
}

/* From the decision to the record. What may not merge is recorded, too, and started as any other. */
static int carry_out(struct place *p, struct error *err)
{
	struct container *c = p->c;
	struct error refused = {0};
	int rc = claim(p, &refused);

	if (rc < 0 && c->required) {
		*err = refused;
		return rc;
	}
	rc = enter_process(c, p->state->pid, err);
	if (rc == 0 && place_run(p, err) < 0)
		rc = c->decision.as_wished ? -err->code : error_wrap(err, "%s", c->decision.reason);
	if (rc < 0) {
		if (c->decision.layout_shared)
			(void)whole_share_layout(p->state->pid, false, NULL);
		if (p->is_claimed)
			traces_undo(&p->traces, &p->root, p->state->id);
	}
	/* Another stage may have said it. */
	if (rc < 0 || !refused.code || c->done_before)
		return rc;
	*err = refused;
	return -refused.code;
}

static int place(struct container *c, const struct ocfg_oci_state *state, struct error *err)
{
	struct place p = {.c = c, .state = state, PLACE_NONE};
	int rc;

	p.bundle = open(state->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p.bundle < 0)
		return error_set(err, errno, "open bundle %s", state->bundle);
	c->bundle = p.bundle;
	rc = container_load(c, p.bundle, "config.json", err);
	if (rc == 0)
		rc = container_wish(c, false, err);
	container_tell_problems(c);
	if (rc == 0 && c->wishes.modes != 0) {
		rc = container_decide(c, err);
		if (rc == 0)
			rc = carry_out(&p, err);
	}
	place_done(&p);
	return rc;
}

int stage_prestart(void)
{
	struct container c;
	struct ocfg_oci_state state = {0};
	struct error err = {0};
	int rc, status = 0;

	container_init(&c, STAGES_PROGRAM);
	rc = caps_keep(needed, sizeof(needed) / sizeof(needed[0]), &err);
	if (input_state(&state, rc < 0 ? NULL : &err) < 0)
		rc = -EINVAL;
	else
		log_container(state.id);
	if (rc == 0)
		rc = place(&c, &state, &err);
	if (rc < 0)
		status = container_tell_fault(&c, &err);
	else if (c.wishes.modes != 0)
		container_tell_done(&c);
	ocfg_oci_state_done(&state);
	container_done(&c);
	return status;
}
