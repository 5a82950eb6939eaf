/* SPDX-License-Identifier: Apache-2.0 */
/* Talking to the seccomp-notify helper (oci-ksmd) through its socket. */
#include "hook/common/notify_socket.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include "hook/common/paths.h"
#include "oci-config/cleanup.h"
#include "oci-config/json.h"

#define ANSWER_MAX 4096

int notify_socket_path(const struct ocfg_settings *settings, char *buf, size_t size,
		       struct error *err)
{
	char dir[PATH_MAX], path[PATH_MAX + sizeof(NOTIFY_SOCKET_NAME)];

	if (settings && settings->notify_socket) {
		snprintf(path, sizeof(path), "%s", settings->notify_socket);
	} else {
		int rc = paths_state_path(settings, dir, sizeof(dir), err);

		if (rc < 0)
			return rc;
		snprintf(path, sizeof(path), "%s/" NOTIFY_SOCKET_NAME, dir);
	}
	if (strlen(path) >= size || strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return error_set(err, ENAMETOOLONG, "path of the notify socket: %s", path);
	memcpy(buf, path, strlen(path) + 1);
	return 0;
}

/* timeout_ms also limits how long a full backlog is waited for; 0: as long as it takes. */
static int connect_within(const char *path, int timeout_ms, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000L};
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return error_set(err, errno, "make a socket");
	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(err, ENAMETOOLONG, "connect to %s", path);
	memcpy(address.sun_path, path, strlen(path));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return error_set(err, errno, "limit the time of a connection");
	while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno != EINTR)
			return error_set(err, errno == EAGAIN ? ETIMEDOUT : errno, "connect to %s",
					 path);
	}
	return steal_fd(&fd);
}

int notify_connect(const char *path, struct error *err)
{
	return connect_within(path, 0, err);
}

ssize_t socket_send(int socket, const void *data, size_t len, const int *fds, size_t count)
{
	union {
		char buf[CMSG_SPACE(SOCKET_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control = {.buf = {0}};
	struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t n;

	if (count > SOCKET_FDS_MAX)
		return -EINVAL;
	if (count > 0) {
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, count * sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	do
		n = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static void close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

/* Takes the descriptors that came; those that `fds` has no room for are closed. Returns how many came. */
static size_t take_fds(struct msghdr *message, int *fds, size_t room)
{
	size_t came = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int fd;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++, came++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (came < room)
				fds[came] = fd;
			else
				close(fd);
		}
	}
	return came;
}

ssize_t socket_receive(int socket, void *data, size_t len, int *fds, size_t *count)
{
	union {
		char buf[CMSG_SPACE(SOCKET_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec part = {.iov_base = data, .iov_len = len};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	size_t room = count ? *count : 0, came;
	ssize_t n;

	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	came = take_fds(&message, fds, room);
	if (came > room || (message.msg_flags & MSG_CTRUNC)) {
		close_all(fds, came < room ? came : room);
		return -ETOOMANYREFS;
	}
	if (count)
		*count = came;
	return n;
}

int notify_send_listener(int socket, const char *state, size_t len, int listener, struct error *err)
{
	ssize_t n = socket_send(socket, state, len, &listener, 1);

	while (n >= 0 && (size_t)n < len) {
		state += n;
		len -= (size_t)n;
		n = socket_send(socket, state, len, NULL, 0);
	}
	return n < 0 ? error_set(err, (int)-n, "hand a seccomp listener over") : 0;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* One line, without its end. */
static int read_line(int fd, int64_t deadline, char *buf, size_t size, struct error *err)
{
	size_t len = 0;
	char *end = NULL;

	while (!end) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		int64_t left = deadline - now_ms();
		ssize_t n = left > 0 ? poll(&wait, 1, left < INT_MAX ? (int)left : INT_MAX) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			return error_set(err, ETIMEDOUT, "wait for the helper's answer");
		if (n > 0)
			n = recv(fd, buf + len, size - 1 - len, MSG_DONTWAIT);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return error_set(err, n < 0 ? errno : ECONNRESET,
					 "read the helper's answer");
		len += (size_t)n;
		buf[len] = '\0';
		end = memchr(buf, '\n', len);
		if (!end && len == size - 1)
			return error_set(err, EPROTO, "the helper's answer has no end");
	}
	*end = '\0';
	return 0;
}

/* An answer of this kind, or an error: also what the helper says of one. */
static int check_answer(json_object *answer, const char *kind, struct error *err)
{
	const char *is = "", *message = "";
	int rc = ocfg_json_expect(answer, json_type_object, "the helper's answer", err);

	if (rc == 0)
		rc = ocfg_json_get_string(answer, "oci-ksm", &is, err);
	if (rc == 0 && strcmp(is, "error") == 0) {
		rc = ocfg_json_get_string(answer, "message", &message, err);
		return rc < 0 ? rc : error_set(err, EPROTO, "the helper says: %s", message);
	}
	if (rc == 0 && strcmp(is, kind) != 0)
		rc = error_set(err, EPROTO, "not a helper's answer: \"%s\"", is);
	return rc;
}

/* Sends {"oci-ksm":"REQUEST"} and gets {"oci-ksm":"KIND",...}. */
static int ask(const char *path, const char *request, int fd, const char *kind, int timeout_ms,
	       json_object **ret, struct error *err)
{
	int64_t deadline = now_ms() + timeout_ms;
	cleanup_close int socket = connect_within(path, timeout_ms > 0 ? timeout_ms : 1, err);
	cleanup_json json_object *answer = NULL;
	char text[ANSWER_MAX];
	ssize_t n;
	int rc;

	if (socket < 0)
		return socket;
	n = snprintf(text, sizeof(text), "{\"oci-ksm\":\"%s\"}\n", request);
	n = socket_send(socket, text, (size_t)n, &fd, fd >= 0 ? 1 : 0);
	if (n < 0)
		return error_set(err, (int)-n, "ask the helper at %s", path);
	rc = read_line(socket, deadline, text, sizeof(text), err);
	if (rc == 0)
		rc = ocfg_json_parse(text, strlen(text), &answer, err);
	if (rc == 0)
		rc = check_answer(answer, kind, err);
	if (rc < 0)
		return error_wrap(err, "%s", path);
	*ret = steal_pointer(&answer);
	return 0;
}

int notify_hello(const char *path, int timeout_ms, struct notify_hello *ret, struct error *err)
{
	cleanup_json json_object *answer = NULL;
	uint64_t keeper = 0, worker = 0, containers = 0, features = 0;
	const char *version = "";
	int rc = ask(path, "hello", -1, "hello", timeout_ms, &answer, err);

	if (rc == 0)
		rc = ocfg_json_get_string(answer, "version", &version, err);
	if (rc == 0)
		rc = ocfg_json_get_uint64(answer, "keeper", &keeper, err);
	if (rc == 0)
		rc = ocfg_json_get_uint64(answer, "worker", &worker, err);
	if (rc == 0)
		rc = ocfg_json_get_uint64(answer, "containers", &containers, err);
	if (rc == 0)
		rc = ocfg_json_get_uint64(answer, "features", &features, err);
	if (rc == 0 && (keeper > INT_MAX || worker > INT_MAX || features > UINT_MAX))
		rc = error_set(err, EPROTO, "%s: impossible numbers in the helper's answer", path);
	if (rc < 0)
		return rc;
	*ret = (struct notify_hello){.keeper = (pid_t)keeper,
				     .worker = (pid_t)worker,
				     .containers = containers,
				     .features = (unsigned)features};
	snprintf(ret->version, sizeof(ret->version), "%s", version);
	return 0;
}

int notify_replace(const char *path, int program_fd, int timeout_ms, struct error *err)
{
	cleanup_json json_object *answer = NULL;

	return ask(path, "replace", program_fd, "replaced", timeout_ms, &answer, err);
}
