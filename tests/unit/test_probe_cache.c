/* SPDX-License-Identifier: Apache-2.0 */
/* hook/common/probe_cache: what was found is kept for this boot, and only what we wrote ourselves is believed. */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "hook/common/probe.h"
#include "oci-config/file.h"
#include "tests/unit/unit.h"

#define KNOWN (PROBE_MADVISE | PROBE_PRCTL)

static struct ocfg_settings settings;
static const struct folder *folder;
static const char *name; /* of the cache: which of the two depends on who runs this test */
static char boot[64];

static int begin(void **state)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY);

	unsetenv("OCI_KSM_NO");
	assert_int_equal(read(fd, boot, 36), 36);
	close(fd);
	(void)folder_set_up(state);
	folder = *state;
	settings.state_dir = folder->path;
	(void)probe_cached(&settings, PROBE_MADVISE);
	name = faccessat(folder->fd, "probes.json", F_OK, 0) < 0 ? "probes-admin.json"
								 : "probes.json";
	assert_int_equal(faccessat(folder->fd, name, F_OK, 0), 0);
	return 0;
}

static void put(const char *boot_id, const char *version, unsigned known, unsigned found,
		mode_t mode)
{
	char text[256];
	int len = snprintf(text, sizeof(text),
			   "{\"boot_id\":\"%s\",\"version\":\"%s\",\"known\":%u,\"found\":%u}",
			   boot_id, version, known, found);
	int fd;

	(void)unlinkat(folder->fd, name, 0);
	fd = openat(folder->fd, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_int_equal(write(fd, text, (size_t)len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void assert_kept(const char *part)
{
	char *text;
	size_t len;

	assert_ok(ocfg_file_read(folder->fd, name, 4096, &text, &len, &err));
	if (!strstr(text, part))
		fail_msg("no %s in %s", part, text);
	free(text);
}

/* An answer that this kernel does not give shows that nothing was tried. */
static void what_is_known_is_not_tried(void **state)
{
	unsigned truth = probe(PROBE_MADVISE);

	(void)state;
	put(boot, OCI_KSM_VERSION, PROBE_MADVISE, PROBE_MADVISE & ~truth, 0600);
	assert_int_equal(probe_cached(&settings, PROBE_MADVISE), PROBE_MADVISE & ~truth);
	assert_int_equal(probe_cached(&settings, KNOWN),
			 (PROBE_MADVISE & ~truth) | probe(PROBE_PRCTL));
	assert_kept("\"known\":3");
}

static void a_cache_of_others_is_not_believed(void **state)
{
	const unsigned truth = probe(KNOWN), lie = KNOWN & ~truth;
	const struct {
		const char *boot_id, *version;
		unsigned known, found;
		mode_t mode;
	} cases[] = {
		{"00000000-0000-0000-0000-000000000000", OCI_KSM_VERSION, KNOWN, lie, 0600},
		{boot, "0.0.0-other", KNOWN, lie, 0600},
		{boot, OCI_KSM_VERSION, KNOWN, lie, 0602},
		{boot, OCI_KSM_VERSION, KNOWN, lie, 0620},
		{boot, OCI_KSM_VERSION, ~0u, lie, 0600},
		{boot, OCI_KSM_VERSION, 0, KNOWN, 0600},
		{"\"", OCI_KSM_VERSION, KNOWN, lie, 0600},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char expected[64];

		put(cases[i].boot_id, cases[i].version, cases[i].known, cases[i].found,
		    cases[i].mode);
		assert_int_equal(probe_cached(&settings, KNOWN), truth);
		snprintf(expected, sizeof(expected), "\"known\":%u,\"found\":%u", (unsigned)KNOWN,
			 truth);
		assert_kept(expected);
		assert_kept(boot);
	}
	if (geteuid() == 0) {
		put(boot, OCI_KSM_VERSION, KNOWN, lie, 0644);
		assert_int_equal(fchownat(folder->fd, name, 65534, 65534, 0), 0);
		assert_int_equal(probe_cached(&settings, KNOWN), truth);
	}
}

static void a_link_is_not_followed(void **state)
{
	const unsigned truth = probe(KNOWN);

	(void)state;
	put(boot, OCI_KSM_VERSION, KNOWN, KNOWN & ~truth, 0600);
	assert_int_equal(renameat(folder->fd, name, folder->fd, "other"), 0);
	assert_int_equal(symlinkat("other", folder->fd, name), 0);
	assert_int_equal(probe_cached(&settings, KNOWN), truth);
}

static void what_is_forbidden_is_never_written(void **state)
{
	const unsigned truth = probe(KNOWN);

	(void)state;
	put("", "", 0, 0, 0600);
	setenv("OCI_KSM_NO", "madvise", 1);
	assert_int_equal(probe_cached(&settings, KNOWN), truth & PROBE_PRCTL);
	assert_kept("\"known\":2");
	put(boot, OCI_KSM_VERSION, KNOWN, KNOWN, 0600);
	assert_int_equal(probe_cached(&settings, KNOWN), PROBE_PRCTL);
	assert_kept("\"known\":3,\"found\":3");
	unsetenv("OCI_KSM_NO");
	assert_int_equal(probe_cached(&settings, KNOWN), KNOWN);
}

static void install_filter(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_fprog program = {1, &allow};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(2);
}

/* Below a seccomp filter other things are possible than for others. */
static void the_filtered_find_out_for_themselves(void **state)
{
	const unsigned truth = probe(KNOWN);
	pid_t child;
	int status;

	(void)state;
	put(boot, OCI_KSM_VERSION, KNOWN, KNOWN & ~truth, 0600);
	child = fork();
	if (child == 0) {
		install_filter();
		_exit(probe_cached(&settings, KNOWN) == truth ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(probe_cached(&settings, KNOWN), KNOWN & ~truth);
}

static void no_folder_is_no_hindrance(void **state)
{
	struct ocfg_settings nowhere = {.state_dir = (char *)"/proc/none"};

	(void)state;
	assert_int_equal(probe_cached(&nowhere, KNOWN), probe(KNOWN));
}

#define cached_test(test) cmocka_unit_test_setup_teardown(test, begin, folder_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cached_test(what_is_known_is_not_tried),
		cached_test(a_cache_of_others_is_not_believed),
		cached_test(a_link_is_not_followed),
		cached_test(what_is_forbidden_is_never_written),
		cached_test(the_filtered_find_out_for_themselves),
		cached_test(no_folder_is_no_hindrance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
