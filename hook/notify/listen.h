/* SPDX-License-Identifier: Apache-2.0 */
/* The socket that the keeper listens on. */
#ifndef HOOK_NOTIFY_LISTEN_H
#define HOOK_NOTIFY_LISTEN_H

#include <stdbool.h>

#include "oci-config/error.h"

/*
 * Makes it at `path`, for its owner only; returns it. A file that a dead predecessor left there is replaced;
 * -EADDRINUSE if somebody answers.
 */
int listen_make(const char *path, struct error *err);
/* Is this a stream socket that somebody listens on? */
bool listen_is_one(int fd);

#endif
