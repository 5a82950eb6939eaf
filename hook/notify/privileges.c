/* SPDX-License-Identifier: Apache-2.0 */
/* What oci-ksmd may do on a host. */
#include "hook/notify/privileges.h"

#include <fcntl.h>
#include <unistd.h>

#include "hook/common/caps.h"
#include "oci-config/cleanup.h"
#include "oci-config/file.h"

/*
 * The capabilities that are kept, and what for; packaging/systemd has the same list. A user without any can serve
 * his own containers.
 */
static const cap_value_t kept[] = {
	CAP_SYS_PTRACE, /* stop threads of other users, and read what /proc shows of them */
	CAP_SYS_ADMIN,	/* PTRACE_O_SUSPEND_SECCOMP: an injected call is not the container's own */
	CAP_DAC_READ_SEARCH, /* /proc/PID/auxv, which is the owner's only: where the vDSO is */
	CAP_SYS_NICE,	     /* answer before others run: calls of programs wait for it */
};

/* The last to be killed when memory is short: containers would not survive that it is. */
static void lower_oom_score(void)
{
	static const char score[] = "-900";
	cleanup_close int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)!write(fd, score, sizeof(score) - 1);
}

int privileges_drop(struct error *err)
{
	lower_oom_score();
	return caps_keep_over_exec(kept, sizeof(kept) / sizeof(kept[0]), err);
}
