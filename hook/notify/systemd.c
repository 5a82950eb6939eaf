/* SPDX-License-Identifier: Apache-2.0 */
/* The service manager: what it is told ($NOTIFY_SOCKET), and the descriptors that it gives and keeps. */
#include "hook/notify/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "hook/common/notify_socket.h"
#include "hook/common/proc.h"
#include "oci-config/cleanup.h"

#define NOTIFY_SOCKET "NOTIFY_SOCKET"

/* NULL: there is none. */
static const char *manager_path(void)
{
	const char *path = getenv(NOTIFY_SOCKET);

	return path && (path[0] == '/' || path[0] == '@') ? path : NULL;
}

bool systemd_has_store(void)
{
	return manager_path();
}

/* A path, or "@name" for one in the abstract namespace. */
static int connect_manager(const char *path, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval second = {.tv_sec = 1};
	size_t len = strlen(path);
	cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return error_set(err, errno, "make a socket");
	if (len >= sizeof(address.sun_path))
		return error_set(err, ENAMETOOLONG, "%s", path);
	memcpy(address.sun_path, path, len);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second)) < 0 ||
	    connect(fd, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (path[0] == '/'))) <
		    0)
		return error_set(err, errno, "connect to the service manager at %s", path);
	return steal_fd(&fd);
}

int systemd_notify(int fd, struct error *err, const char *fmt, ...)
{
	const char *path = manager_path();
	cleanup_close int socket = -1;
	char text[256];
	va_list args;
	ssize_t n;

	if (!path)
		return 0;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	socket = connect_manager(path, err);
	if (socket < 0)
		return socket;
	n = socket_send(socket, text, strlen(text), &fd, fd >= 0 ? 1 : 0);
	return n < 0 ? error_set(err, (int)-n, "tell the service manager") : 0;
}

static int read_number(const char *text, int64_t max, int64_t *ret, struct error *err)
{
	if (text[0] < '0' || text[0] > '9' || text[strspn(text, "0123456789")] != '\0' ||
	    proc_number(text, ret) < 0 || *ret > max)
		return error_set(err, EINVAL, "LISTEN_PID or LISTEN_FDS: not a number: %s", text);
	return 0;
}

int systemd_parse_fds(const char *pid, const char *fds, const char *names, struct systemd_fd **ret,
		      size_t *ret_count, struct error *err)
{
	struct systemd_fd *list = NULL;
	int64_t for_pid, count = 0;
	int rc = 0;

	if (pid && fds) {
		rc = read_number(pid, INT32_MAX, &for_pid, err);
		if (rc == 0)
			rc = read_number(fds, SYSTEMD_FDS_MAX, &count, err);
		if (rc == 0 && for_pid != getpid())
			count = 0;
	}
	if (rc < 0)
		return rc;
	if (count > 0) {
		list = calloc((size_t)count, sizeof(*list));
		if (!list)
			return error_set(err, ENOMEM, "descriptors of the service manager");
	}
	for (int i = 0; i < count; i++) {
		size_t len = names ? strcspn(names, ":") : 0;

		list[i].fd = SYSTEMD_FDS_START + i;
		snprintf(list[i].name, sizeof(list[i].name), "%.*s", (int)len, names ? names : "");
		if (names)
			names += len + (names[len] == ':');
	}
	*ret = list;
	*ret_count = (size_t)count;
	return 0;
}

int systemd_take_fds(struct systemd_fd **ret, size_t *ret_count, struct error *err)
{
	int rc = systemd_parse_fds(getenv("LISTEN_PID"), getenv("LISTEN_FDS"),
				   getenv("LISTEN_FDNAMES"), ret, ret_count, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; *ret && i < *ret_count; i++)
		fcntl((*ret)[i].fd, F_SETFD, FD_CLOEXEC);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return 0;
}
