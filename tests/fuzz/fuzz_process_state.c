/* SPDX-License-Identifier: Apache-2.0 */
/* The process state that a seccomp listener is sent, from whoever connects. */
#include "oci-config/process_state.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ocfg_process_state state;
	struct ocfg_notify again;
	struct error err = {0};
	char buf[96];

	if (must_explain(ocfg_process_state_parse((const char *)data, size, &state, &err), &err) <
	    0)
		return 0;
	must(ocfg_id_is_valid(state.id) && state.pid >= 0);
	must(state.fds <= OCFG_PROCESS_STATE_FDS && state.seccomp_fd < state.fds);
	must(state.notify.min_size >= 4096 && state.notify.min_size % 4096 == 0);
	ocfg_notify_format(&state.notify, buf, sizeof(buf));
	must(strlen(buf) + 1 < sizeof(buf) && ocfg_notify_parse(buf, &again, &err) == 0);
	must(state.notify.min_size == again.min_size && state.notify.regions == again.regions);
	must(state.notify.sync == again.sync && state.notify.brk == again.brk);
	return 0;
}
