/* SPDX-License-Identifier: Apache-2.0 */
/*
 * victim registers|calls MS|busy|signals N|exec N: a process that is injected into and notices what it should not. It prints
 * "ready PID..." when it may begin, ends with SIGTERM or when it is done, and with status 1 if it noticed something.
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/inject/victim.h"

volatile sig_atomic_t victim_stop;

static void on_term(int signal)
{
	(void)signal;
	victim_stop = 1;
}

void victim_fail(const char *fmt, ...)
{
	va_list ap;

	printf("victim %d: ", (int)getpid());
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	_exit(1);
}

void victim_ready(const pid_t *pids, int count)
{
	pid_t self = getpid();

	if (!pids) {
		pids = &self;
		count = 1;
	}
	printf("ready");
	for (int i = 0; i < count; i++)
		printf(" %d", (int)pids[i]);
	printf("\n");
	fflush(stdout);
}

uint64_t victim_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void victim_sleep_ms(int ms)
{
	struct timespec left = {ms / 1000, ms % 1000 * 1000000L};

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

static void *spin(void *data)
{
	for (;;)
		*(volatile int *)data += 1;
	return NULL;
}

static void *execute(void *data)
{
	char *const *argv = data;

	execv("/proc/self/exe", argv);
	victim_fail("exec: %s", strerror(errno));
}

/* Executes itself again and again, every other time by a thread that is not the first: it takes the first one's number. */
void victim_exec(char *const *argv, int count)
{
	char left[16], *next[] = {argv[0], argv[1], left, NULL};
	static int counter;
	pthread_t thread;

	if (!getenv("VICTIM_AGAIN"))
		victim_ready(NULL, 0);
	setenv("VICTIM_AGAIN", "1", 1);
	if (count == 0)
		return;
	snprintf(left, sizeof(left), "%d", count - 1);
	pthread_create(&thread, NULL, spin, &counter);
	if (count % 2)
		execute(next);
	pthread_create(&thread, NULL, execute, next);
	pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_term};
	const char *mode = argc > 1 ? argv[1] : "";
	int number = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0;

	sigaction(SIGTERM, &action, NULL);
	if (strcmp(mode, "registers") == 0)
		victim_registers();
	else if (strcmp(mode, "calls") == 0)
		victim_calls(number);
	else if (strcmp(mode, "busy") == 0)
		victim_busy();
	else if (strcmp(mode, "signals") == 0)
		victim_signals(number);
	else if (strcmp(mode, "exec") == 0)
		victim_exec(argv, number);
	else
		victim_fail("what is %s?", mode);
	printf("unharmed\n");
	return 0;
}
