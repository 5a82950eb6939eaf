/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan: the edits that a decision means for a document; to do, to repeat without change, to undo.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "oci-config/edits.h"
#include "oci-config/env.h"
#include "oci-config/hooks.h"
#include "oci-config/json.h"
#include "oci-config/mounts.h"
#include "oci-config/plan.h"

#define LD_PRELOAD    "LD_PRELOAD"
#define MIN_SIZE_ENV  "OCI_KSM_MIN_SIZE"
#define POSTSTOP      "poststop"
#define EDIT_PRELOAD  "env " LD_PRELOAD
#define EDIT_MIN_SIZE "env " MIN_SIZE_ENV
#define EDIT_POSTSTOP "hook " POSTSTOP

const char *ocfg_plan_target(const struct ocfg_spec *spec)
{
	static const struct {
		const char *tmpfs, *target;
	} places[] = {
		{"/dev", "/dev/" OCFG_PLAN_NAME},
		{"/run", "/run/" OCFG_PLAN_NAME},
		{"/tmp", "/tmp/" OCFG_PLAN_NAME},
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (ocfg_mounts_is_tmpfs(spec, places[i].tmpfs))
			return places[i].target;
	return NULL;
}

static int preload_entry(const struct ocfg_plan *plan, char *buf, size_t size, struct error *err)
{
	if (snprintf(buf, size, "%s/" OCFG_PLAN_SHIM, plan->shim_target) >= (int)size)
		return error_set(err, ENAMETOOLONG, "%s", plan->shim_target);
	return 0;
}

/* A min-size that the container sets for itself stays. */
static int apply_min_size(const struct ocfg_plan *plan, struct ocfg_spec *spec, json_object *env,
			  struct error *err)
{
	char value[32];
	int rc;

	if (plan->min_size == 0 || ocfg_env_get(env, MIN_SIZE_ENV))
		return 0;
	snprintf(value, sizeof(value), "%zu", plan->min_size);
	rc = ocfg_env_set(env, MIN_SIZE_ENV, value, err);
	return rc < 0 ? rc : ocfg_edits_add(spec, EDIT_MIN_SIZE, err);
}

static int apply_env(const struct ocfg_plan *plan, struct ocfg_spec *spec, struct error *err)
{
	char entry[PATH_MAX];
	json_object *process = ocfg_spec_process(spec), *env = NULL;
	int rc = preload_entry(plan, entry, sizeof(entry), err);

	if (rc < 0)
		return rc;
	if (!process)
		return error_set(err, EINVAL, "process: missing");
	rc = ocfg_edits_make(spec, process, "env", "process.env", json_type_array, &env, err);
	if (rc == 0 && !ocfg_env_list_has(env, LD_PRELOAD, entry)) {
		rc = ocfg_env_list_add(env, LD_PRELOAD, entry, err);
		if (rc == 0)
			rc = ocfg_edits_add(spec, EDIT_PRELOAD, err);
	}
	return rc < 0 ? rc : apply_min_size(plan, spec, env, err);
}

static int undo_env(const struct ocfg_plan *plan, struct ocfg_spec *spec, struct error *err)
{
	char entry[PATH_MAX];
	json_object *process = ocfg_spec_process(spec), *env = NULL;
	int rc = preload_entry(plan, entry, sizeof(entry), err);

	if (rc < 0)
		return rc;
	if (!process || !json_object_object_get_ex(process, "env", &env) || !env)
		return 0;
	if (ocfg_edits_has(spec, EDIT_MIN_SIZE)) {
		rc = ocfg_env_unset(env, MIN_SIZE_ENV, err);
		if (rc == 0)
			rc = ocfg_edits_remove(spec, EDIT_MIN_SIZE, err);
	}
	if (rc == 0 && ocfg_edits_has(spec, EDIT_PRELOAD)) {
		rc = ocfg_env_list_remove(env, LD_PRELOAD, entry, err);
		if (rc == 0)
			rc = ocfg_edits_remove(spec, EDIT_PRELOAD, err);
	}
	return rc < 0 ? rc : ocfg_edits_unmake(spec, process, "env", "process.env", err);
}

static void mount_edit(const char *destination, char *buf, size_t size)
{
	snprintf(buf, size, "mount %s", destination);
}

static int apply_mount(struct ocfg_spec *spec, const char *source, const char *destination,
		       struct error *err)
{
	char edit[OCFG_EDIT_SIZE];
	int rc;

	if (!source || !destination || ocfg_mounts_has(spec, source, destination))
		return 0;
	rc = ocfg_mounts_add_bind(spec, source, destination, err);
	if (rc < 0)
		return rc;
	mount_edit(destination, edit, sizeof(edit));
	return ocfg_edits_add(spec, edit, err);
}

static int undo_mount(struct ocfg_spec *spec, const char *source, const char *destination,
		      struct error *err)
{
	char edit[OCFG_EDIT_SIZE];
	int rc;

	if (!source || !destination)
		return 0;
	mount_edit(destination, edit, sizeof(edit));
	if (!ocfg_edits_has(spec, edit))
		return 0;
	rc = ocfg_mounts_remove(spec, source, destination, err);
	return rc < 0 ? rc : ocfg_edits_remove(spec, edit, err);
}

static int apply_hook(const struct ocfg_plan *plan, struct ocfg_spec *spec, struct error *err)
{
	int rc;

	if (!plan->poststop_hook || ocfg_hooks_has(spec, POSTSTOP, plan->poststop_hook))
		return 0;
	rc = ocfg_hooks_add(spec, POSTSTOP, plan->poststop_hook, POSTSTOP, plan->hook_env, err);
	return rc < 0 ? rc : ocfg_edits_add(spec, EDIT_POSTSTOP, err);
}

static int undo_hook(const struct ocfg_plan *plan, struct ocfg_spec *spec, struct error *err)
{
	int rc;

	if (!plan->poststop_hook || !ocfg_edits_has(spec, EDIT_POSTSTOP))
		return 0;
	rc = ocfg_hooks_remove(spec, POSTSTOP, plan->poststop_hook, err);
	return rc < 0 ? rc : ocfg_edits_remove(spec, EDIT_POSTSTOP, err);
}

int ocfg_plan_apply(const struct ocfg_plan *plan, struct ocfg_spec *spec, struct error *err)
{
	int rc = plan->shim_target ? apply_env(plan, spec, err) : 0;

	if (rc < 0 || spec->kind != OCFG_SPEC_CONFIG)
		return rc;
	rc = apply_mount(spec, plan->shim_source, plan->shim_target, err);
	if (rc == 0)
		rc = apply_mount(spec, plan->ld_so_preload_source, OCFG_PLAN_LD_SO_PRELOAD, err);
	if (rc == 0)
		rc = apply_hook(plan, spec, err);
	return rc < 0 || !plan->notify ? rc : ocfg_seccomp_add_notify(spec, plan->notify, err);
}

bool ocfg_plan_is_applied(const struct ocfg_spec *spec)
{
	return json_object_object_get_ex(spec->doc, OCFG_EDITS_MEMBER, NULL);
}

int ocfg_plan_undo(const struct ocfg_plan *plan, struct ocfg_spec *spec, struct error *err)
{
	int rc = ocfg_seccomp_remove_notify(spec, err);

	if (rc == 0 && plan->shim_target)
		rc = undo_env(plan, spec, err);
	if (rc < 0 || spec->kind != OCFG_SPEC_CONFIG)
		return rc;
	rc = undo_hook(plan, spec, err);
	if (rc == 0)
		rc = undo_mount(spec, plan->ld_so_preload_source, OCFG_PLAN_LD_SO_PRELOAD, err);
	return rc < 0 ? rc : undo_mount(spec, plan->shim_source, plan->shim_target, err);
}
