/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What seccomp filters cost a program, without what two processes of it differ by:
 *   rounds COUNT COMMAND...  runs COMMAND, which does a round of its work for each line that it gets and answers by a line. COUNT pairs of
 *                            rounds are timed, of which one is done under the filters and the other while they are suspended
 *                            (PTRACE_O_SUSPEND_SECCOMP), in turn. A line a pair, in seconds: suspended, under the filters.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef PTRACE_O_SUSPEND_SECCOMP /* <linux/ptrace.h>; musl's header hasn't got it */
#define PTRACE_O_SUSPEND_SECCOMP (1 << 21)
#endif

#define WARM_UP 6 /* rounds that do not count */
#define REST_US \
	30000 /* between two rounds: the helper marks what it has collected meanwhile, not in the next round */
#define TRIES	 1000
#define MAX_TIDS 256

static pid_t pid;

/* Ends it all: one that is traced ends with its tracer (PTRACE_O_EXITKILL). */
__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("rounds: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	if (pid > 0)
		kill(pid, SIGKILL);
	exit(1);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void start(char **argv, int *to, int *from)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
		fail("no pipe: %m");
	pid = fork();
	if (pid < 0)
		fail("no process: %m");
	if (pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execvp(argv[0], argv);
		fprintf(stderr, "rounds: %s: %m\n", argv[0]);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	*to = in[1];
	*from = out[0];
}

/* One that is traced stops for each signal that it gets. */
static void pass_signals(void)
{
	int status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, WNOHANG | __WALL)) > 0 && WIFSTOPPED(status))
		ptrace(PTRACE_CONT, tid, 0, (long)(status >> 16 ? 0 : WSTOPSIG(status)));
}

static double one_round(int to, int from)
{
	char answer[4096];
	double begin = now_s();
	ssize_t got = write(to, "\n", 1);

	while (got > 0) {
		struct pollfd wait = {.fd = from, .events = POLLIN};

		if (poll(&wait, 1, 1000) == 0) {
			pass_signals();
			continue;
		}
		got = read(from, answer, sizeof(answer));
		if (got > 0 && answer[got - 1] == '\n')
			return now_s() - begin;
	}
	fail("the program has ended");
}

static size_t threads(pid_t *tids)
{
	char path[64];
	struct dirent *entry;
	size_t count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		fail("%s: %m", path);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.') {
			if (count == MAX_TIDS)
				fail("more than %d threads", MAX_TIDS);
			tids[count++] = (pid_t)strtol(entry->d_name, NULL, 10);
		}
	closedir(dir);
	return count;
}

/* It runs on, but its filters are not asked. While the helper has stopped it, to mark its memory, it has a tracer already. */
static void suspend_one(pid_t tid)
{
	for (int i = 0; i < TRIES; i++) {
		if (ptrace(PTRACE_SEIZE, tid, 0,
			   (long)(PTRACE_O_SUSPEND_SECCOMP | PTRACE_O_EXITKILL)) == 0)
			return;
		usleep(REST_US / 10);
	}
	fail("thread %d: filters cannot be suspended: %m", tid);
}

static void suspend(const pid_t *tids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		suspend_one(tids[i]);
}

static void resume(const pid_t *tids, size_t count)
{
	int status;

	for (size_t i = 0; i < count; i++)
		if (ptrace(PTRACE_INTERRUPT, tids[i], 0, 0) != 0 ||
		    waitpid(tids[i], &status, __WALL) != tids[i] || !WIFSTOPPED(status) ||
		    ptrace(PTRACE_DETACH, tids[i], 0, 0) != 0)
			fail("thread %d: cannot be let go: %m", tids[i]);
}

/* timed_round: of the one kind or the other */
static double timed_round(int to, int from, int filters)
{
	pid_t tids[MAX_TIDS];
	size_t count = 0;
	double seconds;

	if (!filters) {
		count = threads(tids);
		suspend(tids, count);
	}
	seconds = one_round(to, from);
	resume(tids, count);
	usleep(REST_US);
	return seconds;
}

int main(int argc, char **argv)
{
	long pairs = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
	int to, from, status;

	if (pairs <= 0) {
		fputs("usage: rounds COUNT COMMAND...\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	start(argv + 2, &to, &from);
	for (int i = 0; i < WARM_UP; i++)
		timed_round(to, from, i % 2);
	for (long i = 0; i < pairs; i++) {
		double seconds[2];

		seconds[i % 2] = timed_round(to, from, (int)(i % 2));
		seconds[!(i % 2)] = timed_round(to, from, !(i % 2));
		printf("%.6f %.6f\n", seconds[0], seconds[1]);
	}
	close(to);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail("%s did not end well", argv[2]);
	return 0;
}
