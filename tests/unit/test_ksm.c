/* SPDX-License-Identifier: Apache-2.0 */
/* hook/common/ksm: what the kernel tells, and what it does not. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "hook/common/ksm.h"
#include "tests/unit/unit.h"

static void settings_of_the_machine(void **state)
{
	int64_t run = ksm_sys_get("run");

	(void)state;
	assert_true(ksm_is_present());
	assert_in_range(run, 0, 2);
	assert_true(ksm_sys_get("pages_to_scan") > 0);
	assert_true(ksm_sys_get("no_such_file") == KSM_UNKNOWN);
	assert_error(ksm_sys_set("no_such_file", 1, &err), ENOENT, "no_such_file");
	assert_error(ksm_sys_set("run", 17, &err), EINVAL, "write 17");
	assert_true(ksm_sys_get("run") == run);
	assert_true(ksm_cpu_seconds() >= 0);
}

static void figures_of_a_process(void **state)
{
	size_t size = 4 << 20;
	struct ksm_process before, after;
	void *memory;

	(void)state;
	assert_ok(ksm_process_read(getpid(), &before, &err));
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	memset(memory, 1, size);
	assert_int_equal(madvise(memory, size, MADV_MERGEABLE), 0);
	assert_ok(ksm_process_read(getpid(), &after, &err));
	munmap(memory, size);
	assert_true(before.anonymous > 0);
	/* RssAnon is counted per CPU and rounded. */
	assert_true(after.anonymous - before.anonymous > (int64_t)size * 9 / 10);
	assert_true(after.merging_pages == 0);
	assert_true(after.mergeable == KSM_UNKNOWN || after.mergeable == 1);
	assert_true(after.merge_any == KSM_UNKNOWN || after.merge_any == 0);
}

static void zombies_have_no_memory(void **state)
{
	struct ksm_process ksm;
	siginfo_t info;
	pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	assert_ok(ksm_process_read(child, &ksm, &err));
	assert_true(ksm.anonymous == KSM_UNKNOWN);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_error(ksm_process_read(child, &ksm, &err), ESRCH, "/statm");
}

static void several_at_once(void **state)
{
	struct ksm_process ksm[3], own;
	pid_t child = fork(), pids[] = {getpid(), 0, getpid()};

	(void)state;
	if (child == 0)
		_exit(0);
	pids[1] = child;
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_false(ksm_processes_read(pids, 3, ksm));
	assert_ok(ksm_process_read(getpid(), &own, &err));
	for (int i = 0; i <= 2; i += 2) {
		assert_true(ksm[i].anonymous > 0);
		assert_true(ksm[i].rmap_items == own.rmap_items);
		assert_true(ksm[i].mergeable == own.mergeable);
	}
	assert_true(ksm[1].anonymous == KSM_UNKNOWN && ksm[1].merging_pages == KSM_UNKNOWN);
	assert_false(ksm_processes_read(pids, 0, ksm));
}

static void groups_of_processes(void **state)
{
	const pid_t self = getpid(), both[] = {self, self};
	struct ksm_process ksm[3] = {0};
	struct ksm_group groups[] = {{.pids = &self, .count = 1, .ret = ksm, .held_up = true},
				     {.pids = both, .count = 0, .ret = ksm + 1},
				     {.pids = both, .count = 2, .ret = ksm + 1}};

	(void)state;
	ksm_groups_read(groups, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_false(groups[i].held_up);
		assert_true(ksm[i].anonymous > 0);
	}
	ksm_groups_read(groups, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_of_the_machine), cmocka_unit_test(figures_of_a_process),
		cmocka_unit_test(zombies_have_no_memory),  cmocka_unit_test(several_at_once),
		cmocka_unit_test(groups_of_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
