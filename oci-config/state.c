/* SPDX-License-Identifier: Apache-2.0 */
/* The OCI state document that hooks get on stdin. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "oci-config/json.h"
#include "oci-config/state.h"

static int check(const char *id, const char *bundle, int64_t pid, struct error *err)
{
	if (!id || id[0] == '\0')
		return error_set(err, EINVAL, "id: missing");
	if (!bundle || bundle[0] != '/')
		return error_set(err, EINVAL, "bundle: not an absolute path");
	if (pid < 0 || pid > INT_MAX)
		return error_set(err, EINVAL, "pid: %lld is none", (long long)pid);
	return 0;
}

int ocfg_oci_state_parse(const char *text, size_t len, struct ocfg_oci_state *ret,
			 struct error *err)
{
	cleanup_json json_object *doc = NULL;
	struct ocfg_oci_state state = {0};
	const char *id = NULL, *bundle = NULL, *root = NULL;
	int64_t pid = 0;
	int rc = ocfg_json_parse(text, len, &doc, err);

	if (rc == 0)
		rc = ocfg_json_expect(doc, json_type_object, "document", err);
	if (rc == 0)
		rc = ocfg_json_get_string(doc, "id", &id, err);
	if (rc == 0)
		rc = ocfg_json_get_string(doc, "bundle", &bundle, err);
	if (rc == 0)
		rc = ocfg_json_get_string(doc, "root", &root, err);
	if (rc == 0)
		rc = ocfg_json_get_int64(doc, "pid", &pid, err);
	if (rc == 0)
		rc = check(id, bundle, pid, err);
	if (rc != 0)
		return error_wrap(err, "container state");
	state.id = strdup(id);
	state.bundle = strdup(bundle);
	state.root = root ? strdup(root) : NULL;
	state.pid = (pid_t)pid;
	if (!state.id || !state.bundle || (root && !state.root)) {
		ocfg_oci_state_done(&state);
		return error_set(err, ENOMEM, "container state");
	}
	*ret = state;
	return 0;
}

void ocfg_oci_state_done(struct ocfg_oci_state *state)
{
	free(state->id);
	free(state->bundle);
	free(state->root);
	*state = (struct ocfg_oci_state){0};
}
