/* SPDX-License-Identifier: Apache-2.0 */
/* `run --mode=notify`: finds or starts the helper, then puts a filter on this process and hands its listener over. */
#include "hook/cli/run_notify.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hook/cli/run_filter.h"
#include "hook/common/notify_socket.h"
#include "hook/common/paths.h"
#include "hook/common/probe.h"
#include "oci-config/cleanup.h"

#define HELPER_PROGRAM "oci-ksmd"
#define HELLO_MS       1000
#define START_MS       2000
#define OCI_VERSION    "1.1.0"

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/* The helper, in a session of its own; holds nothing open of this program's, whose readers wait for its end. */
static _Noreturn void become_helper(const char *program, const char *option)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 ||
	    chdir("/") < 0)
		_exit(127);
	(void)syscall(SYS_close_range, 3U, ~0U, 0U);
	execl(program, HELPER_PROGRAM, "--once", option, (char *)NULL);
	_exit(127);
}

/* Forked twice, so that it is no child of the program that this one becomes. */
static int spawn_helper(const char *program, const char *option, struct error *err)
{
	pid_t child = fork();

	if (child < 0)
		return error_set(err, errno, "start " HELPER_PROGRAM);
	if (child == 0) {
		if (setsid() < 0)
			_exit(127);
		child = fork();
		if (child == 0)
			become_helper(program, option);
		_exit(child < 0 ? 127 : 0);
	}
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}

/* A path that nobody else has: this pid's. What a dead predecessor of that number left is in the way. */
static int private_path(const struct ocfg_settings *settings, struct run_notify *ret,
			struct error *err)
{
	cleanup_close int dir = paths_state_dir(settings, "", err);
	char folder[PATH_MAX], name[32];
	int rc = dir < 0 ? dir : paths_of_fd(dir, folder, sizeof(folder), err);

	if (rc < 0)
		return rc;
	snprintf(name, sizeof(name), "run-%d.sock", (int)getpid());
	if ((size_t)snprintf(ret->path, sizeof(ret->path), "%s/%s", folder, name) >=
	    sizeof(ret->path))
		return error_set(err, ENAMETOOLONG, "socket of " HELPER_PROGRAM " in %s", folder);
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return error_set(err, errno, "remove %s", ret->path);
	return 0;
}

static int start_helper(const struct ocfg_settings *settings, struct run_notify *ret,
			struct error *err)
{
	char program[PATH_MAX], option[sizeof("--socket=") + sizeof(ret->path)];
	int64_t end = now_ms() + START_MS;
	struct notify_hello hello = {0};
	struct error last = {0};
	int rc = paths_sibling(HELPER_PROGRAM, program, sizeof(program), err);

	if (rc == 0)
		rc = private_path(settings, ret, err);
	if (rc < 0)
		return rc;
	snprintf(option, sizeof(option), "--socket=%s", ret->path);
	rc = spawn_helper(program, option, err);
	if (rc < 0)
		return rc;
	while ((rc = notify_hello(ret->path, HELLO_MS, &hello, &last)) < 0 && now_ms() < end)
		pause_ms(5);
	if (rc < 0) {
		*err = last;
		return error_wrap(err, "%s does not serve after %d ms", program, START_MS);
	}
	ret->features = hello.features;
	return 0;
}

/* Before a helper is waited for that would not serve, or a filter made that nobody would hear of. */
static int can_notify(const struct ocfg_settings *settings, struct error *err)
{
	unsigned found = probe_cached(settings, PROBE_NOTIFY | PROBE_LISTENER);

	if (!(found & PROBE_LISTENER))
		return error_set(
			err, EBUSY,
			"another seccomp listener is in force here, and there can be one only");
	if (!(found & PROBE_NOTIFY))
		return error_set(err, EINVAL, "this kernel lacks notify");
	return 0;
}

int run_notify_find(const struct ocfg_settings *settings, bool start, struct run_notify *ret,
		    struct error *err)
{
	struct notify_hello hello = {0};
	int rc = can_notify(settings, err);

	if (rc < 0)
		return rc;
	rc = notify_socket_path(settings, ret->path, sizeof(ret->path), err);
	if (rc == 0)
		rc = notify_hello(ret->path, HELLO_MS, &hello, err);
	if (rc < 0)
		return start ? start_helper(settings, ret, err) : rc;
	ret->features = hello.features;
	return 0;
}

/* What a runtime would send: runtime-spec's container process state. */
static size_t format_state(const struct ocfg_notify *notify, char *buf, size_t size)
{
	char metadata[96];
	int pid = (int)getpid();

	return (size_t)snprintf(
		buf, size,
		"{\"ociVersion\":\"" OCI_VERSION
		"\",\"fds\":[\"seccompFd\"],\"pid\":%d,\"metadata\":\"%s\",\"state\":"
		"{\"ociVersion\":\"" OCI_VERSION
		"\",\"id\":\"run-%d\",\"status\":\"running\",\"pid\":%d,\"bundle\":\"/\"}}",
		pid, ocfg_notify_format(notify, metadata, sizeof(metadata)), pid, pid);
}

/* A helper that is being replaced, or whose keeper has died, serves again some ms later. Allocates nothing. */
static int hand_over(const struct run_notify *helper, int socket, const char *state, size_t len,
		     int listener, struct error *err)
{
	cleanup_close int fd = socket;
	int64_t end = now_ms() + START_MS;

	while (fd < 0 || notify_send_listener(fd, state, len, listener, err) < 0) {
		if (now_ms() >= end)
			return error_set(err, EPIPE, "%s takes no listener", helper->path);
		if (fd >= 0)
			close(fd);
		pause_ms(5);
		fd = notify_connect(helper->path, err);
	}
	return 0;
}

int run_notify_enter(const struct run_notify *helper, const struct ocfg_notify *notify,
		     struct error *err)
{
	cleanup_close int listener = -1;
	struct run_filter filter;
	char state[512];
	size_t len = format_state(notify, state, sizeof(state));
	int rc = run_filter_build(notify, &filter, err), socket;

	if (rc < 0)
		return rc;
	socket = notify_connect(helper->path, err);
	if (socket < 0)
		return socket;
	listener = run_filter_install(&filter, helper->features & PROBE_WAIT_KILLABLE, err);
	if (listener < 0) {
		close(socket);
		return listener;
	}
	return hand_over(helper, socket, state, len, listener, err);
}
