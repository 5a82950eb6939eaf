/* SPDX-License-Identifier: Apache-2.0 */
/* What a keeper tells the program that it becomes (exec): the numbers of its descriptors, its children. */
#ifndef HOOK_NOTIFY_HANDOVER_H
#define HOOK_NOTIFY_HANDOVER_H

#include <stddef.h>

#include "oci-config/error.h"

#define HANDOVER_OPTION	     "--take-over="
#define HANDOVER_CONNECTIONS 512
#define HANDOVER_SIZE	     (256 + 16 * HANDOVER_CONNECTIONS)

struct handover {
	int journal, socket;
	int made; /* the socket's file is ours to remove */
	int features;
	int worker, worker_fd, marker, marker_fd; /* pids, and our ends of their sockets */
	int wake_worker, wake_marker;
	int asked; /* whom to tell that it worked */
	size_t count;
	int connections[HANDOVER_CONNECTIONS]; /* of which nothing has been read yet */
};

/* "--take-over=journal=3,socket=4,...": buf has HANDOVER_SIZE bytes. */
void handover_format(const struct handover *handover, char *buf);
/* Of what follows HANDOVER_OPTION. -EINVAL if something is missing; what a later version adds is passed over. */
int handover_parse(const char *text, struct handover *ret, struct error *err);

#endif
