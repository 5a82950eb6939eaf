/* SPDX-License-Identifier: Apache-2.0 */
/* `run --mode=notify`: this process, and so what it execs, with a seccomp listener that oci-ksmd serves. */
#ifndef HOOK_CLI_RUN_NOTIFY_H
#define HOOK_CLI_RUN_NOTIFY_H

#include <sys/un.h>

#include "oci-config/error.h"
#include "oci-config/notify.h"
#include "oci-config/settings.h"

/* A helper that answers. */
struct run_notify {
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	unsigned features; /* enum probe */
};

/*
 * The helper of this host (or user); where none serves and `start` is set, one that is started for this
 * program alone: it ends when nobody is left who uses its listener.
 */
int run_notify_find(const struct ocfg_settings *settings, bool start, struct run_notify *ret,
		    struct error *err);
/*
 * Puts the filter on this process and hands the listener over. -EBUSY: there is one already, as in a
 * container that has the notify mode itself; nothing has changed then, nor after any other error but
 * -EPIPE: filtered, and nobody serves. This process can do nothing any more but end.
 */
int run_notify_enter(const struct run_notify *helper, const struct ocfg_notify *notify,
		     struct error *err);

#endif
