/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp's notifications, tried on a system call that a child makes. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hook/common/probe_tries.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_USER_NOTIF_FLAG_CONTINUE
#define SECCOMP_USER_NOTIF_FLAG_CONTINUE 1
#endif
#define NOTIF_SET_FLAGS _IOW('!', 4, uint64_t) /* Linux 6.6 */
#define SYNC_WAKE_UP	1
#define ANSWER_MS	1000
#define LEAVE_ROOM	512 /* for kernels whose structures have grown */

/* A filter on this process that notifies of getpgid, and its listener. */
static int listen_for_getpgid(unsigned long flags)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {sizeof(code) / sizeof(*code), code};
	int listener;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0)
		return -1;
	listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				SECCOMP_FILTER_FLAG_NEW_LISTENER | flags, &program);
	(void)probe_tell(listener >= 0);
	return listener;
}

static bool answer(int listener)
{
	_Alignas(8) char received[LEAVE_ROOM] = {0}, sent[LEAVE_ROOM] = {0};
	struct pollfd ready = {.fd = listener, .events = POLLIN};
	struct seccomp_notif notification;
	struct seccomp_notif_resp response = {.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

	/* The machine may be that busy. */
	if (poll(&ready, 1, ANSWER_MS) != 1)
		_exit(PROBE_UNSURE);
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, received) < 0)
		return false;
	memcpy(&notification, received, sizeof(notification));
	response.id = notification.id;
	memcpy(sent, &response, sizeof(response));
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, sent) == 0;
}

bool probe_try_notify(void)
{
	long group = syscall(SYS_getpgid, 0L);
	int listener = listen_for_getpgid(0);
	pid_t child;
	bool answered;

	if (listener < 0)
		return false;
	child = probe_fork_again();
	if (child == 0)
		_exit(syscall(SYS_getpgid, 0L) == group ? 0 : 1);
	answered = answer(listener);
	if (!answered)
		kill(child, SIGKILL);
	return probe_wait(child) == 0 && answered;
}

/* Any other reason for which there is none is told by the probe of notify. */
bool probe_try_listener(void)
{
	return listen_for_getpgid(0) >= 0 || errno != EBUSY;
}

bool probe_try_sync_wake_up(void)
{
	int listener = listen_for_getpgid(0);

	return listener >= 0 && ioctl(listener, NOTIF_SET_FLAGS, (unsigned long)SYNC_WAKE_UP) == 0;
}

bool probe_try_wait_killable(void)
{
	return listen_for_getpgid(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) >= 0;
}
