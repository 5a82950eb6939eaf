/* SPDX-License-Identifier: Apache-2.0 */
/* A live upgrade: the keeper becomes another program (exec), with the same pid and everything that it holds. */
#ifndef HOOK_NOTIFY_REPLACE_H
#define HOOK_NOTIFY_REPLACE_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "hook/notify/handover.h"
#include "oci-config/error.h"

struct connection;
struct keeper;

/* `oci-ksmd --check-state=FD`: does this program understand that journal? Says so, with the features that it finds. */
#define REPLACE_CHECK_OPTION "--check-state="
int replace_check(int journal_fd, struct error *err);

void replace_init(struct keeper *k);
/* Somebody sent the program that c->fds[0] is. He is answered from here on. */
void replace_begin(struct keeper *k, struct connection *c);
size_t replace_poll(const struct keeper *k, struct pollfd *ret);
/* Goes on with what is under way; does not return if it comes to exec. */
void replace_serve(struct keeper *k);
int replace_reap(struct keeper *k, int pid, int status);
int64_t replace_deadline(const struct keeper *k);
/* In a child. */
void replace_forget(struct keeper *k);

#endif
