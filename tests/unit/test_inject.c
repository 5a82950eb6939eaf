/* SPDX-License-Identifier: Apache-2.0 */
/* hook/inject: what is done to a process. Each victim is a child of this program. */
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tests/unit/victims.h"

static void a_call_gives_its_result(void **state)
{
	const unsigned long none[6] = {0}, bad[6] = {(unsigned long)-1};
	pid_t child = victim_start(victim_sleeps);
	struct inject target;
	long result;

	(void)state;
	assert_ok(inject_begin(child, &target, &err));
	assert_ok(inject_wait(&target, WAIT_MS, &err));
	assert_ok(inject_call(&target, SYS_getpid, none, &result, &err));
	assert_int_equal(result, child);
	assert_ok(inject_call(&target, SYS_close, bad, &result, &err));
	assert_int_equal(result, -EBADF);
	inject_end(&target);
	inject_end(&target);
	assert_untraced(child);
	assert_ok(inject_process(child, WAIT_MS, &target, &err));
	inject_end(&target);
	assert_untraced(child);
	assert_int_equal(inject_reap(), 0);
	victim_finish(child);
}

#define RANGES	  200
#define RANGE_GAP (4 * PAGE)

/* Ranges that are no neighbours; the third is no longer there. */
static void victim_has_ranges(void)
{
	char *memory =
		mmap(NULL, RANGES * RANGE_GAP, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; i < RANGES; i++)
		mprotect(memory + i * RANGE_GAP, 2 * PAGE, PROT_READ | PROT_WRITE);
	munmap(memory + 2 * RANGE_GAP, 2 * PAGE);
	shared->memory = memory;
	victim_sleeps();
}

static size_t count_marked(pid_t pid)
{
	char path[64], line[512];
	size_t count = 0;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	cleanup_file FILE *file = fopen(path, "re");

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		count += strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " mg");
	return count;
}

static void marks_ranges(bool batch)
{
	struct inject_range ranges[RANGES];
	pid_t child = victim_start(victim_has_ranges);
	struct inject target;
	size_t done;

	for (size_t i = 0; i < RANGES; i++) {
		ranges[i].start = (uintptr_t)shared->memory + i * RANGE_GAP;
		ranges[i].end = ranges[i].start + 2 * PAGE;
	}
	assert_ok(inject_process(child, WAIT_MS, &target, &err));
	assert_ok(inject_madvise(&target, ranges, RANGES, MADV_MERGEABLE, batch, &done, &err));
	inject_end(&target);
	assert_int_equal(done, RANGES - 1);
	assert_int_equal(count_marked(child), RANGES - 1);
	victim_finish(child);
}

static void madvise_marks_ranges_one_by_one(void **state)
{
	(void)state;
	marks_ranges(false);
}

static void madvise_marks_ranges_in_batches(void **state)
{
	(void)state;
	marks_ranges(true);
}

static void victim_tells_merge(void)
{
	shared->ready = 1;
	while (!shared->go)
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	shared->status = prctl(MERGE_ON + 1, 0UL, 0UL, 0UL, 0UL);
}

static void the_whole_process_is_marked(void **state)
{
	pid_t child = victim_start(victim_tells_merge);
	struct inject target;

	(void)state;
	assert_ok(inject_process(child, WAIT_MS, &target, &err));
	if (prctl(MERGE_ON + 1, 0UL, 0UL, 0UL, 0UL) >= 0)
		assert_ok(inject_set_memory_merge(&target, true, &err));
	else
		assert_error(inject_set_memory_merge(&target, true, &err), EINVAL, "PR_SET");
	inject_end(&target);
	shared->go = 1;
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(shared->status, prctl(MERGE_ON + 1, 0UL, 0UL, 0UL, 0UL) < 0 ? -1 : 1);
}

static void victim_leaves_a_thread(void);

static void threads_outlive_the_first(void **state)
{
	pid_t child = victim_start(victim_leaves_a_thread);
	struct inject target;
	char state_line[32] = "";

	(void)state;
	do
		victim_line(child, "status", "State:\t", state_line, sizeof(state_line));
	while (*state_line != 'Z');
	assert_ok(inject_process(child, WAIT_MS, &target, &err));
	assert_int_equal(target.tid, shared->tid);
	inject_end(&target);
	victim_finish(child);
}

static void *last_thread(void *data)
{
	(void)data;
	shared->tid = gettid();
	victim_sleeps();
	return NULL;
}

static void victim_leaves_a_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, last_thread, NULL);
	syscall(SYS_exit, 0);
}

/* The parent of a vfork does not stop before its child is done; meanwhile it is refused, or given up and let go later. */
static void victim_vforks(void)
{
	pid_t child;

	shared->ready = 1;
	child = vfork(); // NOLINT: this is what is tested
	if (child == 0) {
		while (!shared->go)
			syscall(SYS_nanosleep, &(struct timespec){0, 1000000}, NULL); // NOLINT
		_exit(0);
	}
	waitpid(child, NULL, 0);
	victim_sleeps();
}

static void the_parent_of_a_vfork_is_let_go_later(void **state)
{
	pid_t child = victim_start(victim_vforks);
	struct inject target;
	char state_line[32] = "";

	(void)state;
	do
		victim_line(child, "status", "State:\t", state_line, sizeof(state_line));
	while (*state_line != 'D');
	assert_error(inject_process(child, 50, &target, &err), EAGAIN, "no thread");
	assert_untraced(child);
	assert_ok(inject_begin(child, &target, &err));
	assert_error(inject_wait(&target, 20, &err), EAGAIN, "thread");
	assert_int_equal(inject_reap(), 1);
	shared->go = 1;
	for (int i = 0; i < 1000 && inject_reap() > 0; i++)
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	assert_int_equal(inject_reap(), 0);
	assert_untraced(child);
	assert_ok(inject_process(child, WAIT_MS, &target, &err));
	inject_end(&target);
	victim_finish(child);
}

/* The end of a child is told to its parent, not to the part that traces it. */
static void the_end_of_a_child_stays(void **state)
{
	pid_t child = victim_start(victim_sleeps);
	const unsigned long args[6] = {3};
	struct inject target;
	long result;
	int status;

	(void)state;
	assert_ok(inject_process(child, WAIT_MS, &target, &err));
	assert_error(inject_call(&target, SYS_exit_group, args, &result, &err), ESRCH, "thread");
	inject_end(&target);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	child = victim_start(victim_sleeps);
	assert_ok(inject_process(child, WAIT_MS, &target, &err));
	kill(child, SIGKILL);
	inject_end(&target);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(inject_reap(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_gives_its_result),
		cmocka_unit_test(madvise_marks_ranges_one_by_one),
		cmocka_unit_test(madvise_marks_ranges_in_batches),
		cmocka_unit_test(the_whole_process_is_marked),
		cmocka_unit_test(threads_outlive_the_first),
		cmocka_unit_test(the_parent_of_a_vfork_is_let_go_later),
		cmocka_unit_test(the_end_of_a_child_stays),
	};

	return cmocka_run_group_tests(tests, victims_set_up, NULL);
}
