/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and replacing files: bounds, file types, owner and mode, and what is left after a
 * failure.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-config/file.h"
#include "tests/unit/unit.h"

static void put_file(const struct folder *folder, const char *name, const char *text)
{
	int fd = openat(folder->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void assert_content(const struct folder *folder, const char *name, const char *expected)
{
	cleanup_free char *text = NULL;
	size_t len = 0;

	assert_ok(ocfg_file_read(folder->fd, name, 1000, &text, &len, &err));
	assert_int_equal(len, strlen(expected));
	assert_string_equal(text, expected);
}

static int count_entries(const struct folder *folder)
{
	cleanup_dir DIR *dir = opendir(folder->path);
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	return count - 2;
}

static void reads_up_to_the_bound(void **state)
{
	const struct folder *folder = *state;
	cleanup_free char *text = NULL;
	size_t len = 0;

	put_file(folder, "ten", "0123456789");
	put_file(folder, "empty", "");
	assert_content(folder, "ten", "0123456789");
	assert_content(folder, "empty", "");
	assert_error(ocfg_file_read(folder->fd, "ten", 9, &text, &len, &err), EFBIG,
		     "read ten: 10 bytes");
	assert_null(text);
	assert_ok(ocfg_file_read(folder->fd, "ten", 10, &text, &len, &err));
	assert_int_equal(len, 10);
}

static void refuses_100_mb_unread(void **state)
{
	const struct folder *folder = *state;
	cleanup_free char *text = NULL;
	struct stat before, after;
	size_t len = 0;

	put_file(folder, "huge", "{}");
	assert_int_equal(fstatat(folder->fd, "huge", &before, 0), 0);
	{
		cleanup_close int fd = openat(folder->fd, "huge", O_WRONLY | O_CLOEXEC);

		assert_int_equal(ftruncate(fd, 100 << 20), 0);
	}
	assert_error(ocfg_file_read(folder->fd, "huge", OCFG_FILE_MAX, &text, &len, &err), EFBIG,
		     "read huge: 104857600 bytes");
	assert_int_equal(fstatat(folder->fd, "huge", &after, 0), 0);
	assert_int_equal(before.st_atim.tv_sec, after.st_atim.tv_sec);
	assert_int_equal(before.st_atim.tv_nsec, after.st_atim.tv_nsec);
}

static void refuses_what_is_no_file(void **state)
{
	const struct folder *folder = *state;
	cleanup_free char *text = NULL;
	size_t len = 0;

	assert_int_equal(mkfifoat(folder->fd, "fifo", 0600), 0);
	assert_int_equal(mkdirat(folder->fd, "dir", 0700), 0);
	assert_int_equal(symlinkat("loop", folder->fd, "loop"), 0);
	assert_int_equal(symlinkat("/dev/zero", folder->fd, "zero"), 0);
	alarm(10);
	assert_error(ocfg_file_read(folder->fd, "fifo", 10, &text, &len, &err), EINVAL,
		     "fifo: not a regular file");
	assert_error(ocfg_file_read(folder->fd, "dir", 10, &text, &len, &err), EINVAL,
		     "dir: not a regular file");
	assert_error(ocfg_file_read(folder->fd, "zero", 10, &text, &len, &err), EINVAL,
		     "zero: not a regular file");
	assert_error(ocfg_file_read(folder->fd, "loop", 10, &text, &len, &err), ELOOP, "open loop");
	assert_error(ocfg_file_read(folder->fd, "none", 10, &text, &len, &err), ENOENT,
		     "open none");
	assert_error(ocfg_file_read(-1, "none", 10, &text, &len, &err), EBADF, "open none");
	alarm(0);
}

static void tells_when_a_file_has_more_than_its_size(void **state)
{
	cleanup_free char *text = NULL;
	size_t len = 0;

	(void)state;
	/*
	 * Files in /proc have a size of 0 and content all the same, like one that grows meanwhile.
	 */
	assert_error(ocfg_file_read(AT_FDCWD, "/proc/self/status", 1000, &text, &len, &err), EAGAIN,
		     "it grew meanwhile");
}

static void replaces_a_file_with_its_owner_and_mode(void **state)
{
	const struct folder *folder = *state;
	struct stat before, after;
	uid_t owner = geteuid() == 0 ? 1234 : geteuid();
	gid_t group = geteuid() == 0 ? 5678 : getegid();

	put_file(folder, "old", "old");
	assert_int_equal(fchownat(folder->fd, "old", owner, group, 0), 0);
	assert_int_equal(fchmodat(folder->fd, "old", 0640, 0), 0);
	assert_int_equal(fstatat(folder->fd, "old", &before, 0), 0);
	assert_ok(ocfg_file_replace(folder->fd, "old", "new text", 8, &err));
	assert_content(folder, "old", "new text");
	assert_int_equal(fstatat(folder->fd, "old", &after, 0), 0);
	assert_int_equal(after.st_uid, owner);
	assert_int_equal(after.st_gid, group);
	assert_int_equal(after.st_mode & 07777, 0640);
	assert_int_not_equal(after.st_ino, before.st_ino);
	assert_int_equal(count_entries(folder), 1);
}

static void makes_a_file_that_only_its_owner_reads(void **state)
{
	const struct folder *folder = *state;
	char path[4096];
	struct stat st;

	snprintf(path, sizeof(path), "%s/new", folder->path);
	assert_ok(ocfg_file_replace(AT_FDCWD, path, "", 0, &err));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 0);
}

static void publishes_for_everybody(void **state)
{
	const struct folder *folder = *state;
	mode_t mask = umask(077);
	struct stat st;

	assert_ok(ocfg_file_publish(folder->fd, "new", "text", 4, &err));
	put_file(folder, "old", "old");
	assert_int_equal(fchmodat(folder->fd, "old", 0600, 0), 0);
	if (geteuid() == 0)
		assert_int_equal(fchownat(folder->fd, "old", 1234, 5678, 0), 0);
	assert_ok(ocfg_file_publish(folder->fd, "old", "text", 4, &err));
	umask(mask);
	for (size_t i = 0; i < 2; i++) {
		const char *name = i ? "old" : "new";

		assert_content(folder, name, "text");
		assert_int_equal(fstatat(folder->fd, name, &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, 0644);
		assert_int_equal(st.st_uid, geteuid());
		assert_int_equal(st.st_gid, getegid());
	}
	assert_int_equal(symlinkat("old", folder->fd, "link"), 0);
	assert_error(ocfg_file_publish(folder->fd, "link", "x", 1, &err), EINVAL,
		     "link: not a regular file");
	assert_int_equal(count_entries(folder), 3);
}

static void replaces_nothing_but_files(void **state)
{
	const struct folder *folder = *state;
	char too_long[300], longest[256];

	put_file(folder, "target", "target");
	assert_int_equal(symlinkat("target", folder->fd, "link"), 0);
	assert_int_equal(mkdirat(folder->fd, "dir", 0700), 0);
	assert_int_equal(mkfifoat(folder->fd, "fifo", 0600), 0);
	assert_error(ocfg_file_replace(folder->fd, "link", "x", 1, &err), EINVAL,
		     "link: not a regular file");
	assert_error(ocfg_file_replace(folder->fd, "dir", "x", 1, &err), EINVAL, "dir: not a");
	assert_error(ocfg_file_replace(folder->fd, "fifo", "x", 1, &err), EINVAL, "fifo: not a");
	assert_error(ocfg_file_replace(folder->fd, "none/x", "x", 1, &err), ENOENT, "create none/");
	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	assert_error(ocfg_file_replace(folder->fd, too_long, "x", 1, &err), ENAMETOOLONG,
		     "stat xxx");
	/* The longest name that there can be: the temporary file's name does not add to it. */
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_ok(ocfg_file_replace(folder->fd, longest, "x", 1, &err));
	assert_content(folder, "target", "target");
	assert_int_equal(count_entries(folder), 5);
}

static void leaves_the_old_file_when_it_cannot_write(void **state)
{
	const struct folder *folder = *state;
	struct rlimit old, small = {.rlim_cur = 4};

	put_file(folder, "config", "good");
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_error(ocfg_file_replace(folder->fd, "config", "longer text", 11, &err), EFBIG,
		     "write config");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_content(folder, "config", "good");
	assert_int_equal(count_entries(folder), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_up_to_the_bound, folder_set_up,
						folder_tear_down),
		cmocka_unit_test_setup_teardown(refuses_100_mb_unread, folder_set_up,
						folder_tear_down),
		cmocka_unit_test_setup_teardown(refuses_what_is_no_file, folder_set_up,
						folder_tear_down),
		cmocka_unit_test(tells_when_a_file_has_more_than_its_size),
		cmocka_unit_test_setup_teardown(replaces_a_file_with_its_owner_and_mode,
						folder_set_up, folder_tear_down),
		cmocka_unit_test_setup_teardown(makes_a_file_that_only_its_owner_reads,
						folder_set_up, folder_tear_down),
		cmocka_unit_test_setup_teardown(publishes_for_everybody, folder_set_up,
						folder_tear_down),
		cmocka_unit_test_setup_teardown(replaces_nothing_but_files, folder_set_up,
						folder_tear_down),
		cmocka_unit_test_setup_teardown(leaves_the_old_file_when_it_cannot_write,
						folder_set_up, folder_tear_down),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
