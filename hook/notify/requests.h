/* SPDX-License-Identifier: Apache-2.0 */
/* What people's programs ask the keeper on its socket: one line each way (hook/common/notify_socket.h). */
#ifndef HOOK_NOTIFY_REQUESTS_H
#define HOOK_NOTIFY_REQUESTS_H

struct connection;
struct keeper;

/* Answers what c->text asks, and closes the connection; or keeps it until an upgrade is done. */
void requests_answer(struct keeper *k, struct connection *c);
/* {"oci-ksm":"error","message":why} */
void requests_fail(struct keeper *k, struct connection *c, const char *why);
/* {"oci-ksm":"replaced"}, on a connection that our predecessor accepted. */
void requests_replaced(int fd);

#endif
