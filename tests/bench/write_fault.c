/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write_fault PAGES: ns that the first write to a page takes, where the page is merged by KSM, and where it is shared by fork: both are copied.
 * Prints the two figures. ksmd must run; waits up to a minute until it has merged the pages.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE ((size_t)4096)

static void die(const char *what)
{
	fprintf(stderr, "write_fault: %s\n", what);
	exit(1);
}

/* Pages of small size, each with content that depends on its number modulo `distinct`. */
static char *fill(size_t pages, size_t distinct)
{
	char *start = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);

	if (start == MAP_FAILED || madvise(start, pages * PAGE, MADV_NOHUGEPAGE) < 0)
		die("no memory");
	for (size_t i = 0; i < pages; i++) {
		uint64_t *words = (uint64_t *)(start + i * PAGE);
		uint64_t state = i % distinct + 1;

		for (size_t w = 0; w < PAGE / sizeof(*words); w++) {
			state = state * 6364136223846793005u + 1442695040888963407u;
			words[w] = state;
		}
	}
	return start;
}

static long merged_pages(void)
{
	FILE *file = fopen("/proc/self/ksm_merging_pages", "re");
	char line[32];

	if (!file || !fgets(line, sizeof(line), file))
		die("this kernel does not say what is merged");
	fclose(file);
	return strtol(line, NULL, 10);
}

/* ns a page, of one write to each. */
static double write_each(char *start, size_t pages)
{
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (size_t i = 0; i < pages; i++)
		((volatile char *)start)[i * PAGE] = 1;
	clock_gettime(CLOCK_MONOTONIC, &to);
	return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
	       (double)pages;
}

static double merged(size_t pages)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	char *start = fill(2 * pages, pages);
	double ns;
	int tries;

	if (madvise(start, 2 * pages * PAGE, MADV_MERGEABLE) < 0)
		die("madvise(MADV_MERGEABLE) fails");
	for (tries = 0; tries < 3000 && merged_pages() < (long)(2 * pages); tries++)
		nanosleep(&pause, NULL);
	if (merged_pages() < (long)(2 * pages))
		die("ksmd has not merged the pages within a minute");
	ns = write_each(start, pages);
	munmap(start, 2 * pages * PAGE);
	return ns;
}

static double forked(size_t pages)
{
	char *start = fill(pages, pages);
	pid_t child = fork();
	double ns;

	if (child < 0)
		die("no process");
	if (child == 0) {
		for (;;)
			pause();
	}
	ns = write_each(start, pages);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	munmap(start, pages * PAGE);
	return ns;
}

int main(int argc, char **argv)
{
	size_t pages = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	double by_ksm, by_fork;

	if (!pages || pages > 1 << 20)
		return 2;
	by_fork = forked(pages);
	by_ksm = merged(pages);
	printf("%.0f %.0f\n", by_ksm, by_fork);
	return 0;
}
