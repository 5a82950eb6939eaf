/* SPDX-License-Identifier: Apache-2.0 */
/* Telling an engine why its container does not start, in the way that the real runtime would. */
#ifndef HOOK_RUNTIME_REPORT_H
#define HOOK_RUNTIME_REPORT_H

#include "hook/runtime/args.h"
#include "oci-config/error.h"

/*
 * Appends an error line to the runtime's log file (--log, --log-format), from where engines take
 * the message.
 */
void report_failure(const struct args *args, const struct error *err);

#endif
