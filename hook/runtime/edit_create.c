/* SPDX-License-Identifier: Apache-2.0 */
/* create, run: the edits of config.json. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hook/common/claim.h"
#include "hook/common/ksm.h"
#include "hook/common/layout.h"
#include "hook/common/log.h"
#include "hook/common/paths.h"
#include "hook/common/proc.h"
#include "hook/common/traces.h"
#include "hook/runtime/edit.h"
#include "oci-config/cleanup.h"
#include "oci-config/mounts.h"

/* One edit. `dirfd` and `config` name the document; `changed` says that it is to be saved. */
struct edit {
	struct container *c;
	const struct args *args;
	int bundle; /* opened once */
	int dirfd;
	const char *config;
	bool changed;
	struct rootfs root;
	struct traces traces;
	bool has_hook;
	char hook[PATH_MAX];
	char hook_env[PATH_MAX + 32]; /* NAME=value */
	struct ocfg_record record;    /* its strings are not owned */
	unsigned claimed;	      /* it has been written, with these modes */
	char bundle_path[PATH_MAX], pid_file[2 * PATH_MAX];
};

static int open_bundle(struct edit *e, struct error *err)
{
	const char *path = e->args->bundle ? e->args->bundle : ".";

	e->bundle = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (e->bundle < 0)
		return error_set(err, errno, "open bundle %s", path);
	e->c->bundle = e->bundle;
	e->dirfd = e->args->config ? AT_FDCWD : e->bundle;
	e->config = e->args->config ? e->args->config : "config.json";
	return 0;
}

/*
 * The entry for oci-ksm-hook poststop. It has to find the same folder of state, but runtimes give
 * hooks no environment of ours: so the one variable goes with it that says where that is.
 */
static int find_hook(struct edit *e, struct error *err)
{
	const char *name = e->c->settings.state_dir ? OCFG_SETTINGS_ENV : "XDG_RUNTIME_DIR";
	const char *value = getenv(name);
	int rc;

	if (value && (size_t)snprintf(e->hook_env, sizeof(e->hook_env), "%s=%s", name, value) >=
			     sizeof(e->hook_env))
		return error_set(err, ENAMETOOLONG, "pass %s to the hook", name);
	rc = paths_sibling("oci-ksm-hook", e->hook, sizeof(e->hook), err);
	e->has_hook = rc == 0;
	return rc;
}

/*
 * Engines delete their containers through the wrapper, and that ends the record; a run by hand just
 * ends.
 */
static bool needs_hook(const struct edit *e)
{
	const struct ldso *ldso = &e->traces.ldso;
	bool by_hand = e->args->command == ARGS_RUN && e->traces.records >= 0;

	return e->has_hook && (ldso->made || ldso->merged || by_hand);
}

static struct ocfg_plan plan_of(const struct edit *e)
{
	const struct ldso *ldso = &e->traces.ldso;

	return (struct ocfg_plan){
		.shim_source = e->c->target ? e->c->preload_dir : NULL,
		.shim_target = e->c->target,
		.ld_so_preload_source = ldso->source[0] ? ldso->source : NULL,
		.poststop_hook = needs_hook(e) ? e->hook : NULL,
		.hook_env = e->hook_env[0] ? e->hook_env : NULL,
		.min_size = e->c->wishes.min_size,
		.notify = container_notify_edit(e->c),
	};
}

/*
 * A bundle that is started again holds our edits of the last time. They are taken back, because
 * wishes, image and our own folders may have changed since.
 */
static int undo_earlier(struct edit *e, struct error *err)
{
	struct ocfg_spec *spec = &e->c->spec;
	struct ocfg_plan plan = {.shim_target = ocfg_plan_target(spec)};

	if (!ocfg_plan_is_applied(spec))
		return 0;
	e->changed = true;
	if (plan.shim_target)
		plan.shim_source = ocfg_mounts_source(spec, plan.shim_target);
	plan.ld_so_preload_source = ocfg_mounts_source(spec, OCFG_PLAN_LD_SO_PRELOAD);
	if (find_hook(e, NULL) == 0)
		plan.poststop_hook = e->hook;
	return ocfg_plan_undo(&plan, spec, err);
}

/* /etc/ld.so.preload, where the image has glibc and nothing else is mounted there. */
static int prepare_ldso(struct edit *e, struct error *err)
{
	const struct container *c = e->c;
	int rc;

	if (!c->target || ocfg_mounts_covers(&c->spec, OCFG_PLAN_LD_SO_PRELOAD))
		return 0;
	rc = rootfs_open(e->bundle, ocfg_spec_root_path(&c->spec), &e->root, err);
	if (rc < 0 || !ldso_is_glibc(&e->root))
		return rc;
	if (!e->has_hook)
		rc = find_hook(e, err);
	return rc < 0 ? rc : traces_prepare_ldso(&e->traces, c, e->args->id, &e->root, err);
}

/* Who the container is. This process becomes the runtime, so as long as it lives the container may be about to start. */
static int fill_record(struct edit *e, struct error *err)
{
	struct proc_stat self;
	char cwd[PATH_MAX] = "";
	int rc = paths_of_fd(e->bundle, e->bundle_path, sizeof(e->bundle_path), err);

	if (rc == 0)
		rc = proc_stat_read(getpid(), &self, err);
	if (rc < 0)
		return rc;
	e->record = (struct ocfg_record){
		.id = (char *)e->args->id,
		.source = (char *)"runtime",
		.bundle = e->bundle_path,
		.starter = getpid(),
		.starter_start_time = self.start_time,
	};
	if (!e->args->pid_file)
		return 0;
	if (e->args->pid_file[0] != '/' && !getcwd(cwd, sizeof(cwd)))
		return error_set(err, errno, "find the working directory");
	snprintf(e->pid_file, sizeof(e->pid_file), "%s%s%s", cwd, cwd[0] ? "/" : "",
		 e->args->pid_file);
	e->record.pid_file = e->pid_file;
	return 0;
}

static int save_record(struct edit *e, struct error *err)
{
	int rc = e->record.id ? 0 : fill_record(e, err);

	claim_fill(e->c, &e->record);
	return rc < 0 ? rc : traces_save(&e->traces, &e->root, &e->record, err);
}

/* With a domain of its own a container needs a record, from before it may merge. */
static int claim(struct edit *e, struct error *err)
{
	struct error why = {0};

	if (fill_record(e, &why) == 0) {
		int rc = claim_domain(e->c, e->args->id, &e->traces, &e->record, err);

		e->claimed = rc == 0 ? e->record.modes : 0;
		return rc;
	}
	e->record.id = NULL;
	if (!e->c->wishes.domain[0])
		return 0;
	container_refuse(e->c, &why);
	return error_set(err, EINVAL, "%s", why.msg);
}

static const char *no_record(const struct edit *e)
{
	return e->c->target ? TRACES_NO_RECORD : TRACES_NOT_SHOWN;
}

/* All of this the container can do without, since its config.json has the rest. */
static void prepare(struct edit *e)
{
	struct error err = {0};
	int rc = e->traces.records >= 0
			 ? 0
			 : traces_open(&e->c->settings, e->args->id, &e->traces, &err);

	if (rc == 0)
		rc = prepare_ldso(e, &err);
	if (rc < 0)
		container_warn(e->c, &err, e->traces.records >= 0 ? TRACES_NO_LDSO : no_record(e));
	if (e->traces.records < 0)
		return;
	if (e->args->command == ARGS_RUN && !e->has_hook)
		(void)find_hook(e, NULL);
	if (e->claimed == e->c->decision.modes && e->claimed && !e->traces.ldso.made)
		return;
	if (save_record(e, &err) < 0) {
		if (e->claimed)
			traces_undo_ldso(&e->traces, &e->root, e->args->id);
		else
			traces_undo(&e->traces, &e->root, e->args->id);
		container_warn(e->c, &err, no_record(e));
	}
}

static int apply(struct edit *e, struct error *err)
{
	struct ocfg_plan plan;
	int rc;

	prepare(e);
	plan = plan_of(e);
	rc = ocfg_plan_apply(&plan, &e->c->spec, err);
	if (rc == 0 && (e->changed || ocfg_plan_is_applied(&e->c->spec)))
		rc = ocfg_spec_save(&e->c->spec, e->dirfd, e->config, err);
	if (rc < 0 && e->traces.records >= 0)
		traces_undo(&e->traces, &e->root, e->args->id);
	return rc;
}

/*
 * This process becomes the runtime, and what that starts inherits it. No more than the claim has been written by then, which
 * carry_out takes back.
 */
static int enter_process(struct container *c, struct error *err)
{
	struct error why = {0};
	int rc = 0;

	if (c->decision.modes & OCFG_MODE_PROCESS && ksm_merge_self(true, &why) < 0)
		rc = container_lose(c, OCFG_MODE_PROCESS, &why, err);
	if (rc == 0 && c->decision.layout_shared && layout_share(true, &why) < 0)
		rc = container_lose_layout(c, &why, err);
	return rc;
}

/* The container starts without merging. */
static void leave_process(const struct container *c)
{
	if (c->decision.modes & OCFG_MODE_PROCESS)
		(void)ksm_merge_self(false, NULL);
	if (c->decision.layout_shared)
		(void)layout_share(false, NULL);
}

/* What may not merge is recorded all the same, and starts as any other: the reason stays in *refused. */
static int carry_out(struct edit *e, struct error *refused, struct error *err)
{
	struct container *c = e->c;
	int rc = claim(e, refused);

	if (rc < 0 && c->required) {
		*err = *refused;
		return rc;
	}
	rc = enter_process(c, err);
	if (rc < 0) {
		leave_process(c);
		if (e->claimed)
			traces_undo(&e->traces, &e->root, e->args->id);
	}
	return rc;
}

static int edit(struct edit *e, struct error *err)
{
	struct container *c = e->c;
	struct error undo_err = {0}, refused = {0};
	int rc = open_bundle(e, err);

	if (rc == 0)
		rc = container_load(c, e->dirfd, e->config, err);
	if (rc == 0)
		rc = container_wish(c, true, err);
	if (rc < 0)
		return rc;
	if (c->wishes.modes == 0 && !ocfg_plan_is_applied(&c->spec))
		return 0;
	container_tell_problems(c);
	if (undo_earlier(e, err) < 0)
		return -EINVAL;
	rc = container_decide(c, err);
	if (rc == 0)
		rc = carry_out(e, &refused, err);
	if (rc == 0) {
		rc = apply(e, err);
		if (rc < 0)
			leave_process(c);
		else if (refused.code)
			*err = refused;
		return rc < 0 ? rc : -refused.code;
	}
	if (e->changed && ocfg_spec_save(&c->spec, e->dirfd, e->config, &undo_err) < 0) {
		*err = undo_err;
		return -EINVAL;
	}
	return c->wishes.modes == 0 ? 0 : rc;
}

int edit_create(struct container *c, const struct args *args, struct error *err)
{
	struct edit e = {
		.c = c,
		.args = args,
		.bundle = -1,
		.root = ROOTFS_NONE,
		.traces = TRACES_NONE,
	};
	int rc;

	if (!args->id)
		return 0; /* the runtime will complain */
	rc = edit(&e, err);
	if (rc == 0 && c->wishes.modes != 0)
		container_tell_done(c);
	if (e.bundle >= 0)
		close(e.bundle);
	rootfs_done(&e.root);
	traces_done(&e.traces);
	return rc;
}
