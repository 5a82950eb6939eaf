/* SPDX-License-Identifier: Apache-2.0 */
/*
 * precreate (podman): config.json from stdin to stdout, with the shim in its mounts and
 * environment, or with the helper as listener of its seccomp profile.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hook/common/alive.h"
#include "hook/common/caps.h"
#include "hook/common/claim.h"
#include "hook/common/container.h"
#include "hook/common/log.h"
#include "hook/common/proc.h"
#include "hook/stages/input.h"
#include "hook/stages/stages.h"
#include "oci-config/file.h"
#include "oci-config/json.h"
#include "oci-config/state.h"

/*
 * For the log. podman does not tell the container's name here, but its cgroup has it at the end:
 * "/libpod_parent/libpod-ID", or for systemd "machine.slice:libpod:ID".
 */
static const char *name_container(const struct container *c)
{
	static const char prefix[] = "libpod-";
	json_object *section = NULL;
	const char *path = NULL, *id;

	if (ocfg_json_get_object(c->spec.doc, "linux", &section, NULL) < 0 || !section ||
	    ocfg_json_get_string(section, "cgroupsPath", &path, NULL) < 0 || !path)
		return NULL;
	id = path + strlen(path);
	while (id > path && id[-1] != '/' && id[-1] != ':')
		id--;
	if (strncmp(id, prefix, strlen(prefix)) == 0)
		id += strlen(prefix);
	if (!ocfg_id_is_valid(id))
		return NULL;
	log_container(id);
	return id;
}

/*
 * What goes into config.json makes the container merge, so it has to be claimed now; prestart claims it anew, by its first
 * process. Until then the caller counts, podman.
 */
static int claim(struct container *c, const char *id, struct error *err)
{
	struct traces traces = TRACES_NONE;
	struct proc_stat starter;
	struct ocfg_record record;
	int rc = id ? 0 : error_set(err, ENOENT, "find the container's name in its cgroup");

	if (rc == 0)
		rc = proc_stat_read(getppid(), &starter, err);
	if (rc == 0)
		rc = traces_open(&c->settings, id, &traces, err);
	if (rc < 0)
		return c->wishes.domain[0] ? rc : 0;
	record = traces.before;
	record.id = (char *)id;
	record.source = record.source ? record.source : (char *)"hook";
	record.pid = 0;
	record.pid_file = NULL;
	record.starter = getppid();
	record.starter_start_time = starter.start_time;
	record.starter_until = alive_now() + ALIVE_STARTING_SECONDS;
	rc = claim_domain(c, id, &traces, &record, err);
	traces_done(&traces);
	return rc;
}

/*
 * Edits the document if the container wishes it. /etc/ld.so.preload is left to the prestart stage:
 * what is made in the image must be recorded by the container's name, which podman does not tell
 * here.
 */
static int edit(struct container *c, const struct input *input, bool *ret_edited, struct error *err)
{
	struct ocfg_plan plan = {0};
	const char *id = NULL;
	int rc = container_parse(c, input->text, input->len, err);

	c->edits_config = true;
	if (rc == 0) {
		id = name_container(c);
		rc = container_wish(c, false, err);
	}
	if (rc < 0 || c->wishes.modes == 0)
		return rc;
	rc = container_decide(c, err);
	if (rc == 0 && c->decision.modes & (OCFG_MODE_PRELOAD | OCFG_MODE_NOTIFY))
		rc = claim(c, id, err);
	if (rc < 0) {
		/*
		 * The prestart stage comes to the same decision and tells it, unless nothing comes
		 * after this.
		 */
		c->told = !c->required;
		return rc;
	}
	plan.shim_source = c->target ? c->preload_dir : NULL;
	plan.shim_target = c->target;
	plan.notify = container_notify_edit(c);
	plan.min_size = c->wishes.min_size;
	rc = ocfg_plan_apply(&plan, &c->spec, err);
	*ret_edited = rc == 0;
	return rc;
}

static int write_document(struct container *c, const struct input *input, bool edited)
{
	const char *text;
	size_t len;

	if (!edited || ocfg_json_print(c->spec.doc, &text, &len, NULL) < 0)
		return input_echo(input);
	return ocfg_file_write_full(STDOUT_FILENO, text, len);
}

int stage_precreate(void)
{
	struct container c;
	struct input input;
	struct error err = {0};
	bool edited = false;
	int rc, status = 0;

	container_init(&c, STAGES_PROGRAM);
	rc = caps_keep(NULL, 0, &err);
	input_read(OCFG_FILE_MAX, &input);
	if (rc == 0 && !input.whole)
		rc = error_set(&err, 0, "config.json on stdin is too large");
	if (rc == 0)
		rc = edit(&c, &input, &edited, &err);
	if (rc < 0 && !c.told)
		status = container_tell_fault(&c, &err);
	if (status == 0 && write_document(&c, &input, edited) < 0)
		status = 1; /* nobody reads it */
	input_done(&input);
	container_done(&c);
	return status;
}
