/* SPDX-License-Identifier: Apache-2.0 */
/* Talking to the seccomp-notify helper (oci-ksmd) through its socket. */
#ifndef HOOK_COMMON_NOTIFY_SOCKET_H
#define HOOK_COMMON_NOTIFY_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci-config/error.h"
#include "oci-config/notify.h"
#include "oci-config/settings.h"

#define NOTIFY_SOCKET_NAME "notify.sock"

/*
 * A SOCK_STREAM socket. A runtime connects and sends a container process state, the listener with its first
 * byte. People's programs send one JSON object and get one back, one line each:
 *   {"oci-ksm":"hello"}    {"oci-ksm":"hello","version":"0.1.0","keeper":1,"worker":2,"containers":3,...}
 *   {"oci-ksm":"replace"}  with an O_RDONLY descriptor of the new program; {"oci-ksm":"replaced"} when it serves
 *   anything that fails    {"oci-ksm":"error","message":"..."}
 */

/* settings' notify_socket, else notify.sock in the folder of state. */
int notify_socket_path(const struct ocfg_settings *settings, char *buf, size_t size,
		       struct error *err);

struct notify_hello {
	char version[32];
	pid_t keeper, worker;
	uint64_t containers; /* listeners that are served */
	unsigned features;   /* enum probe: what the helper found this kernel to have */
};
/* Asks whether the helper is there and serves. Waits at most timeout_ms; -ECONNREFUSED, -ENOENT, -ETIMEDOUT, ... */
int notify_hello(const char *path, int timeout_ms, struct notify_hello *ret, struct error *err);
/* Has the running helper replaced by the program `program_fd`, and waits until that serves. */
int notify_replace(const char *path, int program_fd, int timeout_ms, struct error *err);
/* Connects (close-on-exec); returns the socket. */
int notify_connect(const char *path, struct error *err);
/* Hands a listener over on a connected socket, as a runtime does. Allocates nothing. */
int notify_send_listener(int socket, const char *state, size_t len, int listener,
			 struct error *err);

/*
 * SCM_RIGHTS: one message with `count` descriptors, at most SOCKET_FDS_MAX. Receiving: *count is the room
 * in fds, then how many came (close-on-exec). Returns bytes, 0 at the end, or -errno; -ETOOMANYREFS: more
 * came than there is room for, and all of them were closed.
 */
#define SOCKET_FDS_MAX 16
ssize_t socket_send(int socket, const void *data, size_t len, const int *fds, size_t count);
ssize_t socket_receive(int socket, void *data, size_t len, int *fds, size_t *count);

#endif
