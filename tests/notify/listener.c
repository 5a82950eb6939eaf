/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener SOCKET [option...]: gives itself a filter that notifies anonymous mmap of 64 KiB and more, hands the
 * listener to oci-ksmd as a runtime does, and makes such calls. Prints "calls N failed M".
 *
 *   calls=N      how many (1); each is checked
 *   loop         until SIGTERM instead
 *   keep         then stays until it gets a signal, after a line "ready"
 *   id=ID        the container's ID
 *   text=TEXT    sent instead of a process state
 *   cut=N        only the first N bytes are sent, then the connection ends
 *   pieces=N     bytes a message; the descriptor comes with the first
 *   more=N       as many other descriptors before the listener
 *   hold         the connection stays open
 * It is killed after two minutes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hook/common/notify_socket.h"

#define SIZE (64u << 10)

static struct {
	const char *id, *text;
	size_t calls, cut, pieces, more;
	int loop, keep, hold;
} options = {.id = "trial", .calls = 1, .cut = SIZE_MAX, .pieces = SIZE_MAX};

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static size_t number_of(const char *argument, const char *key)
{
	size_t len = strlen(key);

	if (strncmp(argument, key, len) != 0 || argument[len] != '=')
		return SIZE_MAX;
	return strtoul(argument + len + 1, NULL, 10);
}

static void parse(const char *argument)
{
	static const struct {
		const char *key;
		size_t *value;
	} numbers[] = {{"calls", &options.calls},
		       {"cut", &options.cut},
		       {"pieces", &options.pieces},
		       {"more", &options.more}};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		size_t value = number_of(argument, numbers[i].key);

		if (value != SIZE_MAX) {
			*numbers[i].value = value;
			return;
		}
	}
	if (strcmp(argument, "loop") == 0) {
		options.loop = 1;
	} else if (strcmp(argument, "keep") == 0) {
		options.keep = 1;
	} else if (strcmp(argument, "hold") == 0) {
		options.hold = 1;
	} else if (strncmp(argument, "id=", 3) == 0) {
		options.id = argument + 3;
	} else if (strncmp(argument, "text=", 5) == 0) {
		options.text = argument + 5;
	} else {
		errno = EINVAL;
		die(argument);
	}
}

static int make_listener(void)
{
	/* Little-endian: the low half of an argument comes first. */
#define ARGUMENT(n) ((unsigned)(offsetof(struct seccomp_data, args) + 8ul * (n)))
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 6),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(3)),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_ANONYMOUS, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(1) + 4),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 0, 3, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(1)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SIZE, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
	int fd;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die("no_new_privs");
	fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			  &program);
	if (fd < 0)
		die("seccomp");
	return fd;
}

static void send_state(int socket, const char *text, int listener)
{
	int fds[SOCKET_FDS_MAX];
	size_t len = strlen(text), count = options.more;

	len = options.cut < len ? options.cut : len;
	for (size_t i = 0; i < count; i++)
		fds[i] = STDIN_FILENO;
	fds[count++] = listener;
	while (len > 0) {
		size_t piece = options.pieces < len ? options.pieces : len;
		ssize_t n = socket_send(socket, text, piece, fds, count);

		if (n < 0) {
			errno = (int)-n;
			die("send");
		}
		text += n;
		len -= (size_t)n;
		count = 0;
	}
}

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

/* Every byte of what it gets is there and zero, or the call has failed. */
static int call(void)
{
	unsigned char *memory =
		mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int good = memory != MAP_FAILED;

	for (size_t i = 0; good && i < SIZE; i += 4096) {
		good = memory[i] == 0;
		memory[i] = 1;
	}
	return good && munmap(memory, SIZE) == 0;
}

int main(int argc, char **argv)
{
	const struct sigaction on_term = {.sa_handler = stop, .sa_flags = SA_RESTART};
	char state[1024];
	size_t calls = 0, failed = 0;
	struct error err = {0};
	int socket, listener;

	alarm(120);
	for (int i = 2; i < argc; i++)
		parse(argv[i]);
	if (options.loop && sigaction(SIGTERM, &on_term, NULL) < 0)
		die("sigaction");
	socket = argc < 2 ? -1 : notify_connect(argv[1], &err);
	if (socket < 0) {
		fprintf(stderr, "%s\n", argc < 2 ? "no socket" : err.msg);
		return 1;
	}
	snprintf(state, sizeof(state),
		 "{\"ociVersion\":\"1.0.2\",\"fds\":[\"seccompFd\"],\"pid\":%d,\"metadata\":\"oci-"
		 "ksm\","
		 "\"state\":{\"ociVersion\":\"1.0.2\",\"id\":\"%s\",\"status\":\"creating\","
		 "\"pid\":%d,"
		 "\"bundle\":\"/\"}}",
		 getpid(), options.id, getpid());
	listener = make_listener();
	send_state(socket, options.text ? options.text : state, listener);
	close(listener);
	if (!options.hold)
		close(socket);
	for (; options.loop ? !stopped : calls < options.calls; calls++)
		failed += !call();
	printf("calls %zu failed %zu\n", calls, failed);
	if (options.keep) {
		puts("ready");
		fflush(stdout);
		pause();
	}
	return failed > 0;
}
