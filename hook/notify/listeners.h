/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp listeners that the keeper holds: taking them, and letting them go. None is ever lost in between. */
#ifndef HOOK_NOTIFY_LISTENERS_H
#define HOOK_NOTIFY_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oci-config/error.h"

struct connection;
struct keeper;
struct systemd_fd;

/* Is this descriptor a seccomp listener, whatever its sender says? */
bool listeners_is_one(int fd);
/*
 * What came with a runtime's message. If that is of no use (`trouble`, or it does not parse), listeners are held all
 * the same, under a name that we make up: the container would not survive their end.
 */
void listeners_receive(struct keeper *k, struct connection *c, const char *trouble);
/* Nobody uses the filter any more. `serial` is which one was meant. */
void listeners_drop(struct keeper *k, uint32_t index, uint32_t serial);
/*
 * After the entries of the journal came from a predecessor: counts what is held. The descriptor of each is
 * what `fd_of` says, or where that is -1 the entry is given up.
 */
void listeners_restore(struct keeper *k, int (*fd_of)(uint32_t index, const void *data),
		       const void *data);
/* Descriptors of a predecessor that the service manager kept, "listener-INDEX". */
void listeners_restore_stored(struct keeper *k, const struct systemd_fd *fds, size_t count);

#endif
