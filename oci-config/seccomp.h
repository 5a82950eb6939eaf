/* SPDX-License-Identifier: Apache-2.0 */
/* linux.seccomp of config.json. */
#ifndef OCI_CONFIG_SECCOMP_H
#define OCI_CONFIG_SECCOMP_H

#include <stdbool.h>

#include "oci-config/spec.h"

/*
 * Can every program of the container make this system call, whatever its arguments, and live? It may
 * fail (SCMP_ACT_ERRNO), but must not be killed, trapped or held up.
 */
bool ocfg_seccomp_spares(const struct ocfg_spec *spec, const char *syscall);

#endif
