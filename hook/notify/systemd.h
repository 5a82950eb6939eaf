/* SPDX-License-Identifier: Apache-2.0 */
/* The service manager: what it is told ($NOTIFY_SOCKET), and the descriptors that it gives and keeps. */
#ifndef HOOK_NOTIFY_SYSTEMD_H
#define HOOK_NOTIFY_SYSTEMD_H

#include <stdbool.h>
#include <stddef.h>

#include "oci-config/error.h"

/* Is there somebody who keeps descriptors for us while we are restarted? */
bool systemd_has_store(void);
/*
 * sd_notify(3), with a descriptor unless fd is -1: "READY=1", "FDSTORE=1\nFDNAME=journal". 0 where there is
 * nobody to tell. Waits at most a second.
 */
int systemd_notify(int fd, struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A descriptor that we were started with ($LISTEN_FDS). */
struct systemd_fd {
	int fd;
	char name[32]; /* cut off */
};
#define SYSTEMD_FDS_START 3
#define SYSTEMD_FDS_MAX	  16384
/*
 * Of the three variables (NULL: not set): *ret is an array that the caller frees, NULL if there is none or it
 * is meant for another process. Descriptors are not touched.
 */
int systemd_parse_fds(const char *pid, const char *fds, const char *names, struct systemd_fd **ret,
		      size_t *ret_count, struct error *err);
/* The same of the environment, which no child of ours gets to see; they become close-on-exec. */
int systemd_take_fds(struct systemd_fd **ret, size_t *ret_count, struct error *err);

#endif
