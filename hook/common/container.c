/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container that is about to start: its document, what it wishes, and what is to be done about it
 * on this host.
 */
#include "hook/common/container.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hook/common/escape.h"
#include "hook/common/ksm.h"
#include "hook/common/log.h"
#include "hook/common/notify_socket.h"
#include "hook/common/paths.h"
#include "hook/common/probe.h"
#include "hook/common/program.h"
#include "oci-config/env.h"
#include "oci-config/json.h"
#include "oci-config/seccomp.h"

#define LD_PRELOAD "LD_PRELOAD"
#define HELLO_MS   1000

void container_init(struct container *c, const char *program)
{
	*c = (struct container){.bundle = -1};
	if (ocfg_settings_load(NULL, &c->settings, &c->notes, &c->settings_err) == 0)
		c->settings_err.code = 0;
	log_init(program, c->settings.log);
}

void container_done(struct container *c)
{
	ocfg_spec_done(&c->spec);
	ocfg_settings_done(&c->settings);
}

int container_load(struct container *c, int dirfd, const char *path, struct error *err)
{
	return ocfg_spec_load(dirfd, path, OCFG_SPEC_CONFIG, &c->spec, err);
}

int container_parse(struct container *c, const char *text, size_t len, struct error *err)
{
	return ocfg_spec_parse(text, len, OCFG_SPEC_CONFIG, &c->spec, err);
}

int container_wish(struct container *c, bool opted_in, struct error *err)
{
	int rc = ocfg_wishes_read(&c->spec, &c->settings, opted_in, &c->wishes, &c->notes, err);

	/* Wishes that cannot be read are an error only with oci-ksm/required=true. */
	c->required = rc < 0 || c->wishes.required;
	return rc;
}

/*
 * The shim's system calls that an ordinary program does not make: a profile that kills who makes
 * them would kill the program.
 */
static const char *killed_syscall(const struct ocfg_spec *spec)
{
	static const char *const calls[] = {"prctl", "madvise", "mremap", "ioctl"};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!ocfg_seccomp_spares(spec, calls[i]))
			return calls[i];
	return NULL;
}

/* Where the shim comes from and goes to; why it cannot, in err. */
static bool find_preload(struct container *c, struct error *err)
{
	const char *killed = killed_syscall(&c->spec);

	c->target = ocfg_plan_target(&c->spec);
	if (killed) {
		error_set(err, EINVAL,
			  "the container's seccomp profile does not let the shim live: it needs %s",
			  killed);
		return false;
	}
	if (!c->target) {
		error_set(err, EINVAL,
			  "neither /dev nor /run nor /tmp is a tmpfs of its own, so there is no "
			  "place for the shim (podman: --tmpfs /run)");
		return false;
	}
	return paths_preload_dir(&c->settings, c->preload_dir, sizeof(c->preload_dir), err) == 0;
}

/*
 * Can this container be made to notify oci-ksmd? Asked last of all is oci-ksmd: a runtime does not start
 * a container whose listener does not answer.
 */
static int find_notify(struct container *c, struct error *err)
{
	struct notify_hello hello = {.features = 0};
	int rc = notify_socket_path(&c->settings, c->socket, sizeof(c->socket), err);

	if (rc < 0)
		return rc;
	c->notify = (struct ocfg_seccomp_edit){
		.notify = ocfg_notify_of(c->wishes.min_size, c->settings.notify_brk),
		.socket = c->socket,
	};
	if (!c->edits_config && ocfg_seccomp_has_notify(&c->spec, c->socket))
		return 0;
	rc = ocfg_seccomp_can_notify(&c->spec, &c->notify, err);
	if (rc == 0)
		rc = notify_hello(c->socket, HELLO_MS, &hello, err);
	if (rc < 0)
		return rc;
	if (!(hello.features & PROBE_NOTIFY))
		return error_set(err, EINVAL, "oci-ksmd found that this kernel cannot");
	if (!(probe_cached(&c->settings, PROBE_LISTENER) & PROBE_LISTENER))
		return error_set(
			err, EBUSY,
			"another seccomp listener is in force here, and there can be one only");
	if (!c->edits_config)
		return error_set(err, EINVAL,
				 "a hook comes too late for the seccomp profile; use the precreate "
				 "hook (podman) or oci-ksm-runtime");
	return c->ask_runtime ? c->ask_runtime(c, hello.features, err) : 0;
}

/*
 * The stage that edited config.json before this one has fewer rights, and may not have been able to read the program: where it
 * took notify, that stays.
 */
static enum ocfg_program find_program(struct container *c)
{
	char socket[PATH_MAX];

	if (!c->edits_config &&
	    notify_socket_path(&c->settings, socket, sizeof(socket), NULL) == 0 &&
	    ocfg_seccomp_has_notify(&c->spec, socket))
		return OCFG_PROGRAM_UNKNOWN;
	return program_of_container(&c->spec, c->bundle);
}

/* Who did not ask for notify need not hear that there is no helper. */
static bool is_worth_telling(const struct container *c, int rc)
{
	return c->wishes.modes & OCFG_MODE_NOTIFY || (rc != -ENOENT && rc != -ECONNREFUSED);
}

/* Why its copies cannot have the same address layout, or NULL. */
static const char *no_layout(const struct container *c)
{
	json_object *section = NULL, *personality = NULL;

	if (c->settings.no_layout_shared)
		return "the settings refuse it (layout_shared)";
	if (ocfg_json_get_object(c->spec.doc, "linux", &section, NULL) == 0 && section &&
	    ocfg_json_get_object(section, "personality", &personality, NULL) == 0 && personality)
		return "config.json has a linux.personality, with which runtimes undo it";
	return NULL;
}

int container_decide(struct container *c, struct error *err)
{
	struct error no_preload = {0}, no_notify = {0}, no_process = {0};
	struct ocfg_features features = {.ksm = ksm_is_present(), .no_layout = no_layout(c)};
	int rc;

	features.preload = find_preload(c, &no_preload);
	if (!features.preload && no_preload.code)
		features.no_preload = no_preload.msg;
	if (c->no_process) {
		features.no_process = c->no_process;
	} else if (ocfg_policy_needs_process(&features, &c->wishes)) {
		features.process = probe_process(&c->settings, &no_process) == 0;
		features.no_process = features.process ? NULL : no_process.msg;
	}
	if (ocfg_policy_needs_program(&features, &c->wishes))
		features.program = find_program(c);
	if (ocfg_policy_needs_notify(&features, &c->wishes)) {
		rc = find_notify(c, &no_notify);
		features.notify = rc == 0;
		if (rc < 0 && is_worth_telling(c, rc))
			features.no_notify = no_notify.msg;
	}
	ocfg_policy_choose(&features, &c->wishes, &c->decision);
	if (!(c->decision.modes & OCFG_MODE_PRELOAD))
		c->target = NULL;
	if (c->decision.modes == 0 || (c->required && !c->decision.as_wished))
		return error_set(err, EINVAL, "%s", c->decision.reason);
	return 0;
}

int container_lose(struct container *c, enum ocfg_mode mode, const struct error *why,
		   struct error *err)
{
	size_t len = strlen(c->decision.reason);
	char name[64];
	int rc;

	if (mode == OCFG_MODE_PROCESS && c->wishes.modes == OCFG_MODE_AUTO) {
		c->no_process = why->msg;
		rc = container_decide(c, err);
		c->no_process = NULL;
		return rc;
	}
	snprintf(c->decision.reason + len, sizeof(c->decision.reason) - len, ", but %s failed: %s",
		 ocfg_mode_format(mode, name, sizeof(name)), why->msg);
	c->decision.as_wished = false;
	c->decision.modes &= ~(unsigned)mode;
	if (c->decision.modes == 0 || c->required)
		return error_set(err, EINVAL, "%s", c->decision.reason);
	return 0;
}

void container_refuse(struct container *c, const struct error *why)
{
	c->decision = (struct ocfg_decision){.modes = 0};
	snprintf(c->decision.reason, sizeof(c->decision.reason), "%s", why->msg);
	c->target = NULL;
}

int container_lose_layout(struct container *c, const struct error *why, struct error *err)
{
	char *reason = c->decision.reason, *taken = strstr(reason, "; " OCFG_POLICY_LAYOUT);
	size_t len = taken ? (size_t)(taken - reason) : strlen(reason);

	snprintf(reason + len, sizeof(c->decision.reason) - len,
		 ", but not oci-ksm/layout=shared: %s", why->msg);
	c->decision.layout_shared = c->decision.as_wished = false;
	return c->required ? error_set(err, EINVAL, "%s", reason) : 0;
}

const struct ocfg_seccomp_edit *container_notify_edit(const struct container *c)
{
	return c->decision.modes & OCFG_MODE_NOTIFY ? &c->notify : NULL;
}

bool container_has_env(const struct container *c)
{
	json_object *env = NULL, *process = ocfg_spec_process(&c->spec);
	char entry[PATH_MAX];

	if (!c->target)
		return false;
	if (process)
		json_object_object_get_ex(process, "env", &env);
	snprintf(entry, sizeof(entry), "%s/" OCFG_PLAN_SHIM, c->target);
	return ocfg_env_list_has(env, LD_PRELOAD, entry);
}

void container_tell_problems(struct container *c)
{
	if (c->settings_err.code)
		log_error(&c->settings_err, "settings, proceeding with the defaults");
	log_notes(&c->notes);
	c->told = c->told || c->settings_err.code || c->notes.count > 0;
}

void container_warn(struct container *c, const struct error *err, const char *consequence)
{
	log_line(LOG_LEVEL_WARNING, "%s; %s", err->msg, consequence);
	c->told = true;
}

void container_tell_done(struct container *c)
{
	char modes[64];

	if (c->done_before)
		return;
	ocfg_mode_format(c->decision.modes, modes, sizeof(modes));
	if (!c->decision.as_wished || c->decision.layout_shared)
		log_line(LOG_LEVEL_WARNING, "merging by %s: %s", modes, c->decision.reason);
	else if (!c->told)
		log_line(LOG_LEVEL_INFO, "merging by %s: %s", modes, c->decision.reason);
}

int container_tell_fault(struct container *c, const struct error *err)
{
	char msg[ESCAPED_SIZE(sizeof(err->msg))];

	if (!c->required) {
		log_line(LOG_LEVEL_WARNING, "%s; the container starts without merging", err->msg);
		return 0;
	}
	log_line(LOG_LEVEL_ERROR, "%s; merging is required", err->msg);
	fprintf(stderr, "oci-ksm: merging is required (annotation oci-ksm/required): %s\n",
		escape(err->msg, msg, sizeof(msg)));
	return 1;
}
