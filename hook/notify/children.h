/* SPDX-License-Identifier: Apache-2.0 */
/* Worker, marker and steward as the keeper's children: started again as often as they end; the first two are told of new listeners. */
#ifndef HOOK_NOTIFY_CHILDREN_H
#define HOOK_NOTIFY_CHILDREN_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "hook/notify/handover.h"

#define CHILDREN_PATIENCE 500 /* ms that marker and steward have to leave what they are in */

struct keeper;

void children_init(struct keeper *k);
/* Starts those that are missing, as far as their limits allow, and ends those that do not end by themselves. */
void children_start(struct keeper *k);
void children_start_worker(struct keeper *k);
void children_tell(struct keeper *k, uint32_t index);
/* At most CHILDREN entries. */
size_t children_poll(struct keeper *k, struct pollfd *ret);
/* Takes messages, sends what could not be sent before. */
void children_serve(struct keeper *k);
/* A child ended. -1: it is none of ours. */
int children_reap(struct keeper *k, int pid, int status);
int64_t children_deadline(const struct keeper *k);
/* Ends all, and waits until they have. */
void children_stop(struct keeper *k);
/* Worker and marker of the program that we were before exec are ours now. Its steward has seen its socket close, and ends. */
void children_adopt(struct keeper *k, const struct handover *handover);
/* Another worker in the old one's place, at once; another marker when the old one has ended. */
void children_renew(struct keeper *k);
/* In a worker that becomes keeper: waits for the marker that it did not start. */
void children_await_marker(const struct keeper *k);

#endif
