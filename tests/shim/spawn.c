/* SPDX-License-Identifier: Apache-2.0 */
/* fork, vfork, posix_spawn, and a signal handler that allocates: `spawn fork|vfork|posix_spawn|signal PROGRAM [ARG]`. */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static volatile sig_atomic_t handled;

/* Not async-signal-safe as such: the program blocks the signal around its own allocations. */
static void on_alarm(int sig)
{
	void *p = malloc(200000);

	(void)sig;
	memset(p, 1, 200000);
	free(p);
	handled++;
}

static int signals(void)
{
	const struct itimerval each = {.it_interval.tv_usec = 1000, .it_value.tv_usec = 1000};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &each, NULL);
	while (handled < 200) {
		sigprocmask(SIG_BLOCK, &set, NULL);
		free(malloc(100000));
		sigprocmask(SIG_UNBLOCK, &set, NULL);
	}
	puts("handled");
	return 0;
}

static int grow_in_child(void)
{
	size_t sum = 0;

	for (int i = 0; i < 1000; i++) {
		char *p = malloc(10000);

		memset(p, i, 10000);
		sum += (unsigned char)p[9999];
	}
	printf("child %zu\n", sum);
	fflush(stdout);
	return 7;
}

int main(int argc, char **argv)
{
	pid_t pid = -1;
	int status;

	if (argc < 3)
		return 2;
	free(malloc(1000000));
	if (strcmp(argv[1], "signal") == 0)
		return signals();
	if (strcmp(argv[1], "fork") == 0) {
		pid = fork();
		if (pid == 0)
			_exit(grow_in_child());
	} else if (strcmp(argv[1], "vfork") == 0) {
		pid = vfork();
		if (pid == 0) {
			execv(argv[2], argv + 2);
			_exit(127);
		}
	} else if (posix_spawn(&pid, argv[2], NULL, NULL, argv + 2, environ) != 0) {
		return 3;
	}
	if (waitpid(pid, &status, 0) != pid)
		return 4;
	printf("status %d\n", WEXITSTATUS(status));
	return grow_in_child() - 7;
}
