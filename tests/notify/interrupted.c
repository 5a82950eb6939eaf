/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interrupted CALLS: so many brk calls that grow and shrink the heap, under signals whose handler was installed without
 * SA_RESTART, some thousand a second. Prints how many signals came; 1 if a call failed or the break is not where it was put.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#define STEP 65536

static volatile sig_atomic_t signals;

static void count(int signal)
{
	(void)signal;
	signals++;
}

static int grow_and_shrink(void)
{
	char *before = sbrk(0), *start = sbrk(STEP);
	uintptr_t after = (uintptr_t)sbrk(0);

	if (start != before || after != (uintptr_t)before + STEP) {
		printf("the break is at 0x%lx instead of %p\n", (unsigned long)after,
		       (void *)(before + STEP));
		fflush(stdout);
		return -1;
	}
	start[STEP - 1] = 1;
	return sbrk(-STEP) == (void *)-1 ? -1 : 0; // NOLINT
}

int main(int argc, char **argv)
{
	const struct itimerval every = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = count};
	long calls = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
	static char buffer[BUFSIZ];

	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer)); /* or it would be on the heap */
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	for (long i = 0; i < calls; i++)
		if (grow_and_shrink() < 0)
			_exit(1);
	setitimer(ITIMER_REAL, &never, NULL);
	printf("%d signals\n", (int)signals);
	return signals < 100;
}
