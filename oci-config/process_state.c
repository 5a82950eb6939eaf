/* SPDX-License-Identifier: Apache-2.0 */
/* The container process state that a runtime sends a seccomp listener. */
#include "oci-config/process_state.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "oci-config/json.h"

#define SECCOMP_FD "seccompFd"

static int read_fds(json_object *doc, struct ocfg_process_state *state, struct error *err)
{
	json_object *fds;
	size_t found = 0;
	int rc = ocfg_json_get_array(doc, "fds", &fds, err);

	if (rc < 0)
		return rc;
	state->fds = fds ? json_object_array_length(fds) : 0;
	if (state->fds > OCFG_PROCESS_STATE_FDS)
		return error_set(err, EINVAL, "fds: %zu of them", state->fds);
	for (size_t i = 0; i < state->fds; i++) {
		json_object *name = json_object_array_get_idx(fds, i);

		rc = ocfg_json_expect(name, json_type_string, "fds", err);
		if (rc < 0)
			return rc;
		if (strcmp(json_object_get_string(name), SECCOMP_FD) == 0) {
			state->seccomp_fd = i;
			found++;
		}
	}
	if (found != 1)
		return error_set(err, EINVAL, "fds: %zu times \"" SECCOMP_FD "\"", found);
	return 0;
}

static int check_version(json_object *object, struct error *err)
{
	const char *version = NULL;
	int rc = ocfg_json_get_string(object, "ociVersion", &version, err);

	if (rc == 0 && (!version || version[0] == '\0'))
		rc = error_set(err, EINVAL, "ociVersion: missing");
	return rc;
}

static int read_pid(json_object *object, pid_t *ret, struct error *err)
{
	int64_t pid = 0;
	int rc = ocfg_json_get_int64(object, "pid", &pid, err);

	if (rc == 0 && (pid < 0 || pid > INT_MAX))
		rc = error_set(err, EINVAL, "pid: %lld is none", (long long)pid);
	if (rc == 0)
		*ret = (pid_t)pid;
	return rc;
}

/* The container's state: only its id matters; the rest has to be what it should. */
static int read_state(json_object *doc, struct ocfg_process_state *state, struct error *err)
{
	const char *id = NULL, *ignored;
	json_object *container;
	pid_t pid;
	int rc = ocfg_json_get_object(doc, "state", &container, err);

	if (rc == 0 && !container)
		rc = error_set(err, EINVAL, "state: missing");
	if (rc == 0)
		rc = ocfg_json_get_string(container, "id", &id, err);
	if (rc == 0 && (!id || !ocfg_id_is_valid(id)))
		rc = error_set(err, EINVAL, "state.id: not usable");
	if (rc == 0)
		rc = read_pid(container, &pid, err);
	if (rc == 0)
		rc = ocfg_json_get_string(container, "bundle", &ignored, err);
	if (rc == 0)
		rc = ocfg_json_get_string(container, "status", &ignored, err);
	if (rc == 0)
		memcpy(state->id, id, strlen(id) + 1);
	return rc;
}

static int read_document(json_object *doc, struct ocfg_process_state *state, struct error *err)
{
	const char *metadata = NULL;
	int rc = ocfg_json_expect(doc, json_type_object, "document", err);

	if (rc == 0)
		rc = check_version(doc, err);
	if (rc == 0)
		rc = read_fds(doc, state, err);
	if (rc == 0)
		rc = read_pid(doc, &state->pid, err);
	if (rc == 0)
		rc = read_state(doc, state, err);
	if (rc == 0)
		rc = ocfg_json_get_string(doc, "metadata", &metadata, err);
	return rc < 0 ? rc : ocfg_notify_parse(metadata, &state->notify, err);
}

int ocfg_process_state_parse(const char *text, size_t len, struct ocfg_process_state *ret,
			     struct error *err)
{
	cleanup_json json_object *doc = NULL;
	struct ocfg_process_state state = {0};
	int rc;

	if (len > OCFG_PROCESS_STATE_MAX)
		rc = error_set(err, EINVAL, "%zu bytes", len);
	else
		rc = ocfg_json_parse(text, len, &doc, err);
	if (rc == 0)
		rc = read_document(doc, &state, err);
	if (rc < 0)
		return error_wrap(err, "process state");
	*ret = state;
	return 0;
}
