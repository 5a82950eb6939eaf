/* SPDX-License-Identifier: Apache-2.0 */
/* Files of processes that run, in a user namespace of one's own, as users that are subordinate to one (/etc/subuid). */
#include "hook/common/subordinate.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "oci-config/cleanup.h"

#define STACK_SIZE 32768

struct request {
	int proc, ns;
	const char *name;
	int fd, error;
};

static int open_within(void *data)
{
	struct request *request = data;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (setns(request->ns, CLONE_NEWUSER) == 0)
		request->fd = openat(request->proc, request->name, O_RDONLY | O_CLOEXEC);
	request->error = errno;
	return 0;
}

/* By a child with our memory and descriptors, which we wait for: no process with threads may enter a user namespace. */
static int open_by_child(struct request *request)
{
	_Alignas(16) char stack[STACK_SIZE];
	pid_t pid = clone(open_within, stack + sizeof(stack),
			  CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, request);

	if (pid < 0)
		return -1;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	errno = request->error;
	return request->fd;
}

int subordinate_open(int proc_fd, const char *name)
{
	struct request request = {.proc = proc_fd, .ns = -1, .name = name, .fd = -1};
	int fd = openat(proc_fd, name, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 || errno != EACCES)
		return fd;
	request.ns = openat(proc_fd, "ns/user", O_RDONLY | O_CLOEXEC);
	if (request.ns >= 0)
		fd = open_by_child(&request);
	if (request.ns >= 0)
		close(request.ns);
	/* Whatever else it was: the file may not be read. */
	if (fd < 0)
		errno = EACCES;
	return fd;
}
