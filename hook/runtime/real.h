/* SPDX-License-Identifier: Apache-2.0 */
/* The real OCI runtime behind the wrapper. */
#ifndef HOOK_RUNTIME_REAL_H
#define HOOK_RUNTIME_REAL_H

#include <stddef.h>

#include "oci-config/error.h"
#include "oci-config/settings.h"

/*
 * Its absolute path: what our own name picks ("oci-ksm-runtime-runc"), else the first of settings'
 * runtimes (crun, runc) that is there. Names are looked for in the system's folders only, never in
 * $PATH, and never is it this very program.
 */
int real_find(const char *argv0, const struct ocfg_settings *settings, char *buf, size_t size,
	      struct error *err);

#endif
