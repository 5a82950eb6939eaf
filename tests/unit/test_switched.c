/* SPDX-License-Identifier: Apache-2.0 */
/* What was switched on or off while it runs. */
#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "hook/common/proc.h"
#include "hook/common/switched.h"
#include "tests/unit/unit.h"

static uint64_t start_time_of(pid_t pid)
{
	struct proc_stat stat;

	assert_ok(proc_stat_read(pid, &stat, &err));
	return stat.start_time;
}

static struct switched of_ourselves(char *id)
{
	static char cgroup[] = "/sys/fs/cgroup/none \"such\"", by[] = "guard",
		    reason[] = "why: 7 > 6";

	return (struct switched){.id = id,
				 .cgroup = cgroup,
				 .cgroup_inode = UINT64_MAX,
				 .pid = getpid(),
				 .start_time = start_time_of(getpid()),
				 .alone = true,
				 .by = by,
				 .reason = reason,
				 .since = 1796000000,
				 .retry_at = 1796000060};
}

static void what_is_saved_is_loaded(void **state)
{
	const struct folder *folder = *state;
	struct switched saved = of_ourselves((char[]){"c-1"}), loaded;
	struct stat st;

	assert_ok(switched_save(folder->fd, &saved, &err));
	assert_int_equal(fstatat(folder->fd, "c-1.json", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_ok(switched_load(folder->fd, "c-1", &loaded, &err));
	assert_string_equal(loaded.id, "c-1");
	assert_string_equal(loaded.cgroup, saved.cgroup);
	assert_true(loaded.cgroup_inode == UINT64_MAX);
	assert_int_equal(loaded.pid, getpid());
	assert_int_equal(loaded.start_time, saved.start_time);
	assert_true(loaded.alone);
	assert_false(loaded.merging);
	assert_string_equal(loaded.by, "guard");
	assert_string_equal(loaded.reason, "why: 7 > 6");
	assert_int_equal(loaded.since, 1796000000);
	assert_int_equal(loaded.retry_at, 1796000060);
	switched_done(&loaded);
	saved = (struct switched){
		.id = saved.id, .pid = saved.pid, .start_time = saved.start_time, .merging = true};
	assert_ok(switched_save(folder->fd, &saved, &err));
	assert_ok(switched_load(folder->fd, "c-1", &loaded, &err));
	assert_true(loaded.merging);
	assert_false(loaded.alone);
	assert_null(loaded.cgroup);
	assert_null(loaded.by);
	switched_done(&loaded);
	assert_ok(switched_remove(folder->fd, "c-1", &err));
	assert_ok(switched_remove(folder->fd, "c-1", &err));
	assert_error(switched_load(folder->fd, "c-1", &loaded, &err), ENOENT, "c-1");
}

static void ids_that_are_no_file_names(void **state)
{
	const struct folder *folder = *state;
	static const char *const ids[] = {"", ".", "..", "../x", "a/b", "a b"};

	for (size_t i = 0; i < COUNT(ids); i++) {
		struct switched switched = of_ourselves((char *)ids[i]);

		assert_error(switched_save(folder->fd, &switched, &err), EINVAL, "no file name");
		assert_error(switched_load(folder->fd, ids[i], &switched, &err), EINVAL,
			     "no file name");
	}
}

static void write_text(const struct folder *folder, const char *name, const char *text)
{
	cleanup_close int fd =
		openat(folder->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void names_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *words;
		int code;
	} cases[] = {
		{"", "a value is missing", EINVAL},
		{"[]", "array instead of object", EINVAL},
		{"{\"id\":\"x\"}", "version: not 1", EPROTO},
		{"{\"version\":2,\"id\":\"x\"}", "version: not 1", EPROTO},
		{"{\"version\":1,\"id\":\"y\"}", "id: not the file's", EINVAL},
		{"{\"version\":1}", "id: not the file's", EINVAL},
		{"{\"version\":1,\"id\":\"x\",\"pid\":-1}", "pid", EINVAL},
		{"{\"version\":1,\"id\":\"x\",\"pid\":2147483648}", "pid: too large", EINVAL},
		{"{\"version\":1,\"id\":\"x\",\"merging\":1}", "merging: int instead of boolean",
		 EINVAL},
	};
	const struct folder *folder = *state;
	struct switched switched, *list = NULL;
	size_t count = 1;

	for (size_t i = 0; i < COUNT(cases); i++) {
		write_text(folder, "x.json", cases[i].text);
		assert_error(switched_load(folder->fd, "x", &switched, &err), cases[i].code,
			     cases[i].words);
		assert_ok(switched_list(folder->fd, &list, &count, &err));
		assert_int_equal(count, 0);
		switched_list_free(list, count);
		/* It may be a newer version's. */
		assert_int_equal(faccessat(folder->fd, "x.json", F_OK, 0), 0);
	}
}

/* It has ended, but its number is not free yet. */
static struct switched of_a_zombie(char *id)
{
	struct switched switched = of_ourselves(id);
	siginfo_t info;

	switched.pid = fork();
	if (!switched.pid)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)switched.pid, &info, WEXITED | WNOWAIT), 0);
	switched.start_time = start_time_of(switched.pid);
	return switched;
}

static void what_is_gone_is_pruned(void **state)
{
	const struct folder *folder = *state;
	struct switched gone = of_a_zombie((char[]){"gone"}), *list = NULL, loaded;
	struct switched runs = of_ourselves((char[]){"runs"}), other = of_ourselves((char[]){"a"});
	struct switched reused = of_ourselves((char[]){"reused"});
	int held;
	size_t count = 0;

	reused.start_time++;
	assert_ok(switched_save(folder->fd, &gone, &err));
	assert_ok(switched_save(folder->fd, &runs, &err));
	assert_ok(switched_save(folder->fd, &other, &err));
	assert_ok(switched_save(folder->fd, &reused, &err));
	/* Somebody may be about to write another one under that name. */
	held = switched_lock(folder->fd, NULL);
	assert_true(held >= 0);
	assert_error(switched_load(folder->fd, "gone", &loaded, &err), ENOENT, "gone");
	assert_int_equal(faccessat(folder->fd, "gone.json", F_OK, 0), 0);
	close(held);
	assert_ok(switched_list(folder->fd, &list, &count, &err));
	assert_int_equal(count, 2);
	assert_string_equal(list[0].id, "a");
	assert_string_equal(list[1].id, "runs");
	switched_list_free(list, count);
	assert_int_equal(faccessat(folder->fd, "gone.json", F_OK, 0), -1);
	assert_int_equal(faccessat(folder->fd, "reused.json", F_OK, 0), -1);
	assert_int_equal(waitpid(gone.pid, NULL, 0), gone.pid);
}

/* A folder with such a file stands for a cgroup: the first process has ended, others go on. */
static void a_cgroup_outlives_its_first_process(void **state)
{
	const struct folder *folder = *state;
	struct switched switched = of_a_zombie((char[]){"c"});
	struct stat st;

	assert_int_equal(fstat(folder->fd, &st), 0);
	switched.cgroup = folder->path;
	switched.cgroup_inode = st.st_ino;
	assert_false(switched_is_alive(&switched));
	write_text(folder, "cgroup.procs", "4711\n");
	assert_true(switched_is_alive(&switched));
	switched.cgroup_inode++;
	assert_false(switched_is_alive(&switched));
	switched.cgroup_inode = st.st_ino;
	write_text(folder, "cgroup.procs", "");
	write_text(folder, "cgroup.events", "populated 0\nfrozen 1\n");
	assert_false(switched_is_alive(&switched));
	write_text(folder, "cgroup.events", "populated 1\nfrozen 0\n");
	assert_true(switched_is_alive(&switched));
	assert_int_equal(waitpid(switched.pid, NULL, 0), switched.pid);
}

static void only_one_holds_the_lock(void **state)
{
	const struct folder *folder = *state;
	int held = switched_lock(folder->fd, NULL);
	cleanup_close int other = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(held >= 0);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	close(held);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_set_up, folder_tear_down)
		TEST(what_is_saved_is_loaded), TEST(ids_that_are_no_file_names),
		TEST(names_what_is_wrong),     TEST(what_is_gone_is_pruned),
		TEST(only_one_holds_the_lock), TEST(a_cgroup_outlives_its_first_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
