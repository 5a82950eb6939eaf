/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of a thread that is to be stopped. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hook/inject/status.h"
#include "oci-config/cleanup.h"

ssize_t status_file(pid_t tid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)tid, name);
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || (n = read(fd, text, size - 1)) < 0)
		return -errno;
	text[n] = '\0';
	return n;
}

/* What follows "\nKEY:\t", or "". */
static const char *field(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? at + strlen(key) : "";
}

int status_read(pid_t tid, struct status *ret)
{
	char text[4096];

	if (status_file(tid, "status", text, sizeof(text)) <= 0)
		return -ESRCH;
	*ret = (struct status){
		.state = *field(text, "\nState:\t"),
		.tgid = (pid_t)strtol(field(text, "\nTgid:\t"), NULL, 10),
		.parent = (pid_t)strtol(field(text, "\nPPid:\t"), NULL, 10),
		.tracer = (pid_t)strtol(field(text, "\nTracerPid:\t"), NULL, 10),
		.seccomp = (int)strtol(field(text, "\nSeccomp:\t"), NULL, 10),
	};
	return 0;
}
