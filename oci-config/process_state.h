/* SPDX-License-Identifier: Apache-2.0 */
/* The container process state (runtime-spec, "containerprocessstate"): what a runtime sends a seccomp listener. */
#ifndef OCI_CONFIG_PROCESS_STATE_H
#define OCI_CONFIG_PROCESS_STATE_H

#include <stddef.h>
#include <sys/types.h>

#include "oci-config/error.h"
#include "oci-config/notify.h"
#include "oci-config/state.h"

#define OCFG_PROCESS_STATE_MAX (1u << 20) /* annotations can be long */
#define OCFG_PROCESS_STATE_FDS 8

struct ocfg_process_state {
	char id[OCFG_ID_MAX + 1];
	pid_t pid;	   /* of the process that has the filter; 0: not told (crun's exec) */
	size_t fds;	   /* descriptors that came with it */
	size_t seccomp_fd; /* which of them is the listener: index of "seccompFd" */
	struct ocfg_notify notify; /* of state.metadata */
};

/*
 * Strict: one JSON object, the members of the right types, ociVersion there, "seccompFd" exactly once in
 * fds, at most OCFG_PROCESS_STATE_FDS of them, a usable id, metadata of ours. -EINVAL otherwise.
 */
int ocfg_process_state_parse(const char *text, size_t len, struct ocfg_process_state *ret,
			     struct error *err);

#endif
