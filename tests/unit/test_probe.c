/* SPDX-License-Identifier: Apache-2.0 */
/* hook/common/probe: what is found is what can be done, and asking leaves nothing behind. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "hook/common/probe.h"
#include "tests/unit/unit.h"

#define MERGE_ON 67 /* PR_SET_MEMORY_MERGE; the next one tells */

static int ends;

static void on_child(int signal)
{
	(void)signal;
	ends++;
}

/* Those that this process can try by itself without harm. */
static void what_is_found_works(void **state)
{
	unsigned found = probe(PROBE_ALL);
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t child;
	int status;

	(void)state;
	assert_int_equal((found & PROBE_MADVISE) != 0, madvise(page, 4096, MADV_MERGEABLE) == 0);
	munmap(page, 4096);
	child = fork();
	if (child == 0)
		_exit(prctl(MERGE_ON, 1UL, 0UL, 0UL, 0UL) == 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal((found & PROBE_PRCTL) != 0, WEXITSTATUS(status));
	assert_true(found & PROBE_NOTIFY);
	if (found & (PROBE_EXEC_INHERIT | PROBE_VMA_MERGE))
		assert_true(found & PROBE_PRCTL);
	assert_int_equal(probe(PROBE_MADVISE | PROBE_NOTIFY),
			 found & (PROBE_MADVISE | PROBE_NOTIFY));
}

static void the_caller_stays_as_it_was(void **state)
{
	struct sigaction action = {.sa_handler = on_child}, old;
	struct timespec before, after;
	int privileges = prctl(PR_GET_NO_NEW_PRIVS, 0UL, 0UL, 0UL, 0UL);

	(void)state;
	sigaction(SIGCHLD, &action, &old);
	clock_gettime(CLOCK_MONOTONIC, &before);
	probe(PROBE_ALL);
	clock_gettime(CLOCK_MONOTONIC, &after);
	sigaction(SIGCHLD, &old, NULL);
	assert_int_equal(ends, 0);
	assert_int_equal(waitpid(-1, NULL, __WALL), -1);
	assert_int_equal(errno, ECHILD);
	assert_true(prctl(MERGE_ON + 1, 0UL, 0UL, 0UL, 0UL) != 1);
	assert_int_equal(prctl(PR_GET_NO_NEW_PRIVS, 0UL, 0UL, 0UL, 0UL), privileges);
	/* 2 ms, and some dozen with sanitizers. */
	assert_true(after.tv_sec - before.tv_sec < 2);
}

static void features_can_be_forbidden(void **state)
{
	unsigned found = probe(PROBE_ALL);

	(void)state;
	for (unsigned bit = 1; bit <= PROBE_ALL; bit <<= 1) {
		char list[128];

		snprintf(list, sizeof(list), "%sx,x,%s,", probe_name(bit), probe_name(bit));
		assert_string_not_equal(probe_name(bit), "?");
		setenv("OCI_KSM_NO", list, 1);
		assert_int_equal(probe(bit), 0);
		snprintf(list, sizeof(list), "%sx,x%s", probe_name(bit), probe_name(bit));
		setenv("OCI_KSM_NO", list, 1);
		assert_int_equal(probe(bit), found & bit);
	}
	unsetenv("OCI_KSM_NO");
}

/* An answer that is kept until the next boot must not come from a moment's want of something. */
static void who_could_not_try_is_not_sure(void **state)
{
	const struct rlimit none = {0, 0};
	unsigned wanted = PROBE_MADVISE | PROBE_PRCTL, sure;
	pid_t child;
	int status;

	(void)state;
	if (probe(PROBE_PRCTL))
		wanted |= PROBE_EXEC_INHERIT;
	probe_try(wanted, &sure);
	assert_int_equal(sure, wanted);
	child = fork();
	if (child == 0) {
		bool limited = setrlimit(RLIMIT_NOFILE, &none) == 0;

		_exit(limited && !(probe_try(wanted, &sure) & PROBE_EXEC_INHERIT) &&
				      sure == (PROBE_MADVISE | PROBE_PRCTL)
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_found_works),
		cmocka_unit_test(the_caller_stays_as_it_was),
		cmocka_unit_test(features_can_be_forbidden),
		cmocka_unit_test(who_could_not_try_is_not_sure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
