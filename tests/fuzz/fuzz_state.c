/* SPDX-License-Identifier: Apache-2.0 */
/* The OCI state that runtimes send to hooks. */
#include "oci-config/state.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ocfg_oci_state state;
	struct error err = {0};

	if (must_explain(ocfg_oci_state_parse((const char *)data, size, &state, &err), &err) < 0)
		return 0;
	must(state.id[0] != '\0' && state.bundle[0] == '/' && state.pid >= 0);
	if (ocfg_id_is_valid(state.id))
		must(!strchr(state.id, '/') && strlen(state.id) <= OCFG_ID_MAX);
	ocfg_oci_state_done(&state);
	return 0;
}
