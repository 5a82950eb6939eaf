/* SPDX-License-Identifier: Apache-2.0 */
/* poststop: takes away what a container left behind. */
#include <errno.h>

#include "hook/common/caps.h"
#include "hook/common/log.h"
#include "hook/common/traces.h"
#include "hook/stages/input.h"
#include "hook/stages/stages.h"

/*
 * CAP_SETUID, CAP_SETGID: what is in the image is removed as the owner of the image's folder.
 * CAP_DAC_READ_SEARCH: to get there, where a user namespace owns the folders above it.
 */
static const cap_value_t needed[] = {CAP_SETUID, CAP_SETGID, CAP_DAC_READ_SEARCH};

static int remove_traces(const struct ocfg_settings *settings, struct error *err)
{
	struct ocfg_oci_state state = {0};
	struct traces traces = TRACES_NONE;
	int rc = caps_keep(needed, sizeof(needed) / sizeof(needed[0]), err);

	if (input_state(&state, rc < 0 ? NULL : err) < 0)
		return -EINVAL;
	log_container(state.id);
	/* A folder of state that cannot be used was told when the container started. */
	if (rc == 0 && traces_open(settings, state.id, &traces, NULL) == 0 && traces.before.id)
		rc = traces_remove(&traces, state.id, err);
	traces_done(&traces);
	ocfg_oci_state_done(&state);
	return rc;
}

/* Problems of the settings were told when the container started. */
int stage_poststop(void)
{
	struct container c;
	struct error err = {0};

	container_init(&c, STAGES_PROGRAM);
	if (remove_traces(&c.settings, &err) < 0)
		log_error(&err, "clean up");
	container_done(&c);
	return 0;
}
