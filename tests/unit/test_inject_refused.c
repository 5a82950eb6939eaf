/* SPDX-License-Identifier: Apache-2.0 */
/* hook/inject: who is refused, why, and that it goes on unharmed. */
#include <linux/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "tests/unit/victims.h"

static void what_is_gone_is_refused(void **state)
{
	pid_t child = victim_start(victim_sleeps);
	struct inject target;

	(void)state;
	kill(child, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)child, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
	assert_error(inject_process(child, WAIT_MS, &target, &err), ESRCH, "thread");
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_error(inject_process(child, WAIT_MS, &target, &err), ESRCH, "thread");
}

static void what_is_stopped_is_refused(void **state)
{
	pid_t child = victim_start(victim_sleeps);
	struct inject target;
	int status;

	(void)state;
	kill(child, SIGSTOP);
	assert_int_equal(waitpid(child, &status, WUNTRACED), child);
	assert_error(inject_process(child, WAIT_MS, &target, &err), EBUSY, "is stopped");
	kill(child, SIGCONT);
	assert_int_equal(waitpid(child, &status, WCONTINUED), child);
	assert_ok(inject_process(child, WAIT_MS, &target, &err));
	inject_end(&target);
	victim_finish(child);
}

/* The tracer is another process: a child that traces its sibling. */
static void what_is_traced_is_refused(void **state)
{
	pid_t child = victim_start(victim_sleeps), tracer;
	struct inject target;

	(void)state;
	shared->ready = 0;
	tracer = fork();
	if (tracer == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (ptrace(PTRACE_SEIZE, child, 0, 0) == 0)
			victim_sleeps();
		_exit(1);
	}
	victims_wait(&shared->ready);
	assert_error(inject_process(child, WAIT_MS, &target, &err), EBUSY, "is traced by");
	victim_finish(tracer);
	victim_finish(child);
}

static void victim_hides(void)
{
	prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL);
	victim_sleeps();
}

/* By somebody who is neither root nor allowed to look into it. */
static void what_is_not_allowed_is_refused(void **state)
{
	pid_t child = victim_start(victim_hides), other;
	int status;

	(void)state;
	other = fork();
	if (other == 0) {
		struct inject target;
		struct error err = {0};

		if (getuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(99);
		_exit(-inject_process(child, WAIT_MS, &target, &err));
	}
	assert_int_equal(waitpid(other, &status, 0), other);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EPERM);
	assert_untraced(child);
	victim_finish(child);
}

#if defined(__x86_64__)
/* System calls from outside the program itself become signals (Linux 5.11): an injected one would, too. */
static char selector = 1; /* SYSCALL_DISPATCH_FILTER_BLOCK */

static void victim_is_dispatched(void)
{
	extern char __executable_start, etext;
	uintptr_t code = (uintptr_t)&__executable_start;

	shared->status = prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, code,
			       (uintptr_t)&etext - code, &selector);
	shared->ready = 1;
	while (!shared->go)
		;
	__asm__ volatile("syscall" ::"a"(SYS_exit_group), "D"(7L) : "rcx", "r11", "memory");
}

static void dispatched_system_calls_are_refused(void **state)
{
	pid_t child = victim_start(victim_is_dispatched);
	struct inject target;
	int status;

	(void)state;
	assert_ok(inject_process(child, WAIT_MS, &target, &err));
	if (shared->status == 0)
		assert_error(inject_set_memory_merge(&target, true, &err), EOPNOTSUPP, "thread");
	inject_end(&target);
	shared->go = 1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_gone_is_refused),
		cmocka_unit_test(what_is_stopped_is_refused),
		cmocka_unit_test(what_is_traced_is_refused),
		cmocka_unit_test(what_is_not_allowed_is_refused),
#if defined(__x86_64__)
		cmocka_unit_test(dispatched_system_calls_are_refused),
#endif
	};

	return cmocka_run_group_tests(tests, victims_set_up, NULL);
}
