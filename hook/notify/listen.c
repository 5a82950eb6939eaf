/* SPDX-License-Identifier: Apache-2.0 */
/* The socket that the keeper listens on. */
#include "hook/notify/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "hook/common/notify_socket.h"
#include "oci-config/cleanup.h"

#define BACKLOG	      4096 /* the kernel cuts it to net.core.somaxconn */
#define HELLO_TIMEOUT 1000 /* ms */

/* Two that start at once must not take each other's socket for a dead one's: one at a time may look and bind. */
static int lock_folder(const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX] = ".";
	cleanup_close int fd = -1;

	if (slash)
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path) + 1, path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "listen at %s: open folder %s", path, folder);
	if (flock(fd, LOCK_EX) < 0)
		return error_set(err, errno, "listen at %s: lock folder %s", path, folder);
	return steal_fd(&fd);
}

/* Removes what a predecessor left, if nobody serves it. */
static int clear_path(const char *path, struct error *err)
{
	struct notify_hello hello;
	struct error no = {0};
	struct stat st;
	int rc;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : error_set(err, errno, "look at %s", path);
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, EADDRINUSE, "%s is no socket", path);
	rc = notify_hello(path, HELLO_TIMEOUT, &hello, &no);
	if (rc == 0)
		return error_set(
			err, EADDRINUSE,
			"%s is already served by process %d (oci-ksmd --replace upgrades it)", path,
			(int)hello.keeper);
	if (rc != -ECONNREFUSED && rc != -ENOENT)
		return error_set(err, EADDRINUSE, "somebody serves it: %s", no.msg);
	return unlink(path) < 0 && errno != ENOENT ? error_set(err, errno, "remove %s", path) : 0;
}

int listen_make(const char *path, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_close int fd = -1, lock = -1;
	mode_t mask;
	int rc;

	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(err, ENAMETOOLONG, "listen at %s", path);
	lock = lock_folder(path, err);
	if (lock < 0)
		return lock;
	rc = clear_path(path, err);
	if (rc < 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, errno, "make a socket");
	memcpy(address.sun_path, path, strlen(path));
	mask = umask(0177);
	rc = bind(fd, (struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (rc < 0 || listen(fd, BACKLOG) < 0)
		return error_set(err, errno, "listen at %s", path);
	return steal_fd(&fd);
}

bool listen_is_one(int fd)
{
	int type = 0, accepts = 0;
	socklen_t size = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &size) == 0 && accepts;
}
