/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spy [-n ROUNDS] [-t MS] [-e PAUSE_US] [-c CALLS] [-k KILLS] PID...: injects harmless calls into each process in turn, until all are
 * gone or one limit is reached, and says how it went. -k: by children that are killed at random moments, that many. Status 0
 * if each call gave what it had to; 2 if nothing could be injected at all (the reason is printed).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hook/inject/inject.h"

#define STOP_MS	 200
#define PIDS_MAX 64

static struct {
	long rounds, ms, pause_us, calls, kills;
	pid_t pids[PIDS_MAX];
	int count;
} options = {.rounds = -1, .ms = -1, .calls = 2};

static struct {
	long injected, refused, gone;
	double us;
	struct error why;
} found;

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* getpid, and madvise of what is not there: their results are known. */
static int call(struct inject *target, long i, struct error *err)
{
	const unsigned long nowhere[6] = {4096, 4096, MADV_MERGEABLE}, none[6] = {0};
	long result, expected = i % 2 ? -ENOMEM : target->tgid;
	int r = inject_call(target, i % 2 ? SYS_madvise : SYS_getpid, i % 2 ? nowhere : none,
			    &result, err);

	if (r == 0 && result != expected) {
		fprintf(stderr, "spy: a call in %d gave %ld instead of %ld\n", (int)target->tgid,
			result, expected);
		exit(1);
	}
	return r;
}

static void inject(pid_t *pid)
{
	struct error err = {0};
	struct inject target;
	double start = now_us();
	int r = inject_process(*pid, STOP_MS, &target, &err);

	if (r == 0) {
		for (long i = 0; i < options.calls && r == 0; i++)
			r = call(&target, i, &err);
		inject_end(&target);
	}
	if (r == 0) {
		found.injected++;
		found.us += now_us() - start;
		return;
	}
	found.why = err;
	if (r == -ESRCH && kill(*pid, 0) < 0) {
		*pid = 0;
		found.gone++;
		return;
	}
	found.refused++;
}

static int spy(void)
{
	double end = options.ms < 0 ? 1e18 : now_us() + (double)options.ms * 1e3;

	for (long i = 0; i != options.rounds && now_us() < end; i++) {
		for (int j = 0; j < options.count; j++)
			if (options.pids[j])
				inject(&options.pids[j]);
		if (found.gone == options.count)
			break;
		inject_reap();
		if (options.pause_us)
			usleep((useconds_t)options.pause_us);
	}
	for (int i = 0; i < 1000 && inject_reap() > 0; i++)
		usleep(1000);
	printf("%ld injections, %.1f us each, %ld refused, %ld gone, %zu not let go%s%s\n",
	       found.injected, found.injected ? found.us / (double)found.injected : 0.0,
	       found.refused, found.gone, inject_reap(), *found.why.msg ? "; the last: " : "",
	       found.why.msg);
	return found.injected ? 0 : 2;
}

/* Spies are killed, and each time another one comes. */
static int killed_spies(void)
{
	unsigned seed = (unsigned)getpid();

	for (long i = 0; i < options.kills; i++) {
		pid_t child = fork();
		int status;

		if (child == 0) {
			fclose(stdout);
			_exit(spy());
		}
		usleep((useconds_t)(200 + rand_r(&seed) % 2000));
		kill(child, SIGKILL);
		if (waitpid(child, &status, 0) != child ||
		    (WIFEXITED(status) && WEXITSTATUS(status) == 1))
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "n:t:e:c:k:")) != -1) {
		long value = optarg ? strtol(optarg, NULL, 10) : 0;

		switch (option) {
		case 'n':
			options.rounds = value;
			break;
		case 't':
			options.ms = value;
			break;
		case 'e':
			options.pause_us = value;
			break;
		case 'c':
			options.calls = value;
			break;
		case 'k':
			options.kills = value;
			break;
		default:
			return 1;
		}
	}
	while (optind < argc && options.count < PIDS_MAX)
		options.pids[options.count++] = (pid_t)strtol(argv[optind++], NULL, 10);
	return options.kills ? killed_spies() : spy();
}
