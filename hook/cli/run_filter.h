/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp filter of `run --mode=notify`. */
#ifndef HOOK_CLI_RUN_FILTER_H
#define HOOK_CLI_RUN_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>

#include "oci-config/error.h"
#include "oci-config/notify.h"

struct run_filter {
	struct sock_filter code[256];
	unsigned short count;
};

/* Lets everything pass, 32-bit programs too, and notifies what ocfg_notify_calls says. */
int run_filter_build(const struct ocfg_notify *notify, struct run_filter *ret, struct error *err);
/*
 * Puts it on the calling thread; with no_new_privs where only that permits it. Returns the listener
 * (close-on-exec). From here on a notified call waits until somebody serves that: allocate nothing.
 */
int run_filter_install(const struct run_filter *filter, bool wait_killable, struct error *err);

#endif
