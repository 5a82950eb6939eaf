/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notified SOCKET ID METADATA PROGRAM [ARGUMENT...]: runs the program as a container runtime would whose config.json asks for
 * notifications: with a filter of its own, and its listener at the helper. METADATA as in oci-config/notify.h.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hook/common/notify_socket.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#else
#define ARCH AUDIT_ARCH_AARCH64
#endif
#define LOAD(member)		   BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define JUMP(test, value, yes, no) BPF_JUMP(BPF_JMP | (test) | BPF_K, value, yes, no)
#define NEVER			   0xffffffff /* no system call has this number */

static int install_filter(const struct ocfg_notify *notify)
{
	struct sock_filter code[] = {
		LOAD(arch),
		JUMP(BPF_JEQ, ARCH, 0, 8),
		LOAD(nr),
		JUMP(BPF_JEQ, notify->brk || notify->sync ? SYS_brk : NEVER, 5, 0),
		JUMP(BPF_JEQ, SYS_mmap, 0, 5),
		LOAD(args[3]),
		JUMP(BPF_JSET, MAP_ANONYMOUS, 0, 3),
		LOAD(args[1]),
		JUMP(BPF_JGE, (unsigned)notify->min_size, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &program);
}

int main(int argc, char **argv)
{
	struct ocfg_notify notify;
	struct error err = {0};
	char state[1024];
	int socket, listener;

	if (argc < 5 || ocfg_notify_parse(argv[3], &notify, &err) < 0) {
		fprintf(stderr, "notified: SOCKET ID METADATA PROGRAM... %s\n", err.msg);
		return 125;
	}
	snprintf(state, sizeof(state),
		 "{\"ociVersion\":\"1.0.2\",\"fds\":[\"seccompFd\"],\"pid\":%d,\"metadata\":\"%s\","
		 "\"state\":{\"ociVersion\":\"1.0.2\",\"id\":\"%s\",\"status\":\"creating\","
		 "\"pid\":%d,\"bundle\":\"/\"}}",
		 getpid(), argv[3], argv[2], getpid());
	socket = notify_connect(argv[1], &err);
	listener = socket < 0 ? socket : install_filter(&notify);
	/* From here on what is notified would wait for ever. */
	if (listener < 0 ||
	    notify_send_listener(socket, state, strlen(state), listener, &err) < 0) {
		fprintf(stderr, "notified: %s\n", err.msg);
		return 125;
	}
	close(listener);
	close(socket);
	execvp(argv[4], argv + 4);
	perror(argv[4]);
	return 127;
}
