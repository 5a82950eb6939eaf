/* SPDX-License-Identifier: Apache-2.0 */
/* hook/common/proc: processes as /proc shows them. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "hook/common/proc.h"
#include "tests/unit/unit.h"

static void stat_of_ourselves(void **state)
{
	struct proc_stat stat, again;

	(void)state;
	assert_int_equal(proc_stat_read(getpid(), &stat, NULL), 0);
	assert_int_equal(stat.ppid, getppid());
	assert_int_equal(stat.state, 'R');
	assert_true(stat.start_time > 0);
	assert_int_equal(proc_stat_read(getpid(), &again, NULL), 0);
	assert_int_equal(stat.start_time, again.start_time);
	assert_true(again.cpu_ticks >= stat.cpu_ticks);
}

static void names_may_hold_anything(void **state)
{
	char name[16] = "";
	struct proc_stat stat;

	(void)state;
	prctl(PR_GET_NAME, name);
	prctl(PR_SET_NAME, "a) R 7 (b\nc 1");
	assert_int_equal(proc_stat_read(getpid(), &stat, NULL), 0);
	prctl(PR_SET_NAME, name);
	assert_string_equal(stat.comm, "a) R 7 (b\nc 1");
	assert_int_equal(stat.ppid, getppid());
}

/* A child that has ended and is not waited for yet. */
static pid_t make_zombie(void)
{
	siginfo_t info;
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	return child;
}

static void who_runs(void **state)
{
	struct proc_stat stat;
	pid_t zombie = make_zombie();

	(void)state;
	assert_int_equal(proc_stat_read(getpid(), &stat, NULL), 0);
	assert_true(proc_is_running(getpid(), stat.start_time));
	assert_false(proc_is_running(getpid(), stat.start_time + 1));
	assert_false(proc_is_running(0, 0));
	assert_int_equal(proc_stat_read(zombie, &stat, NULL), 0);
	assert_int_equal(stat.state, 'Z');
	assert_false(proc_is_running(zombie, stat.start_time));
	assert_int_equal(waitpid(zombie, NULL, 0), zombie);
	assert_false(proc_is_running(zombie, stat.start_time));
}

static void a_process_that_is_gone(void **state)
{
	pid_t gone = make_zombie();
	struct error err = {0};
	struct proc_stat stat;

	(void)state;
	assert_int_equal(waitpid(gone, NULL, 0), gone);
	assert_int_equal(proc_stat_read(gone, &stat, &err), -ESRCH);
	assert_non_null(strstr(err.msg, "No such process"));
}

static void the_list_is_sorted_and_has_us(void **state)
{
	pid_t *pids = NULL;
	size_t count = 0;
	bool found = false;

	(void)state;
	assert_int_equal(proc_list(&pids, &count, NULL), 0);
	for (size_t i = 0; i < count; i++) {
		assert_true(i == 0 || pids[i] > pids[i - 1]);
		found = found || pids[i] == getpid();
	}
	assert_true(found);
	free(pids);
}

static void reading_is_bounded(void **state)
{
	char buf[16];

	(void)state;
	assert_int_equal(proc_read(getpid(), "status", buf, sizeof(buf), NULL), -EFBIG);
	assert_int_equal(proc_read(getpid(), "no-such-file", buf, sizeof(buf), NULL), -ENOENT);
	assert_true(proc_read(getpid(), "comm", buf, sizeof(buf), NULL) > 0);
}

static void lines_are_found_by_their_whole_key(void **state)
{
	static const char text[] =
		"Name:\tx\nRssAnonymous:\t1 kB\nRssAnon:\t  42 kB\nksm 7\nEmpty:\n";

	(void)state;
	assert_true(strncmp(proc_find(text, "RssAnon"), "42 kB", 5) == 0);
	assert_true(strncmp(proc_find(text, "ksm"), "7", 1) == 0);
	assert_true(strncmp(proc_find(text, "Name"), "x\n", 2) == 0);
	assert_true(*proc_find(text, "Empty") == '\n');
	assert_null(proc_find(text, "Rss"));
	assert_null(proc_find(text, "x"));
	assert_null(proc_find("", "x"));
}

static void numbers(void **state)
{
	int64_t value = 5;

	(void)state;
	assert_int_equal(proc_number(" 12 kB", &value), 0);
	assert_int_equal(value, 12);
	assert_int_equal(proc_number("-3\n", &value), 0);
	assert_int_equal(value, -3);
	assert_int_equal(proc_number("", &value), -EINVAL);
	assert_int_equal(proc_number("x1", &value), -EINVAL);
	assert_int_equal(proc_number("99999999999999999999", &value), -EINVAL);
	assert_int_equal(value, -3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_of_ourselves),
		cmocka_unit_test(names_may_hold_anything),
		cmocka_unit_test(who_runs),
		cmocka_unit_test(a_process_that_is_gone),
		cmocka_unit_test(the_list_is_sorted_and_has_us),
		cmocka_unit_test(reading_is_bounded),
		cmocka_unit_test(lines_are_found_by_their_whole_key),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
