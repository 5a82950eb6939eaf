/* SPDX-License-Identifier: Apache-2.0 */
/* hook/common/cgroup: which processes belong to which container. */
#include <signal.h>
#include <sys/wait.h>

#include "hook/common/cgroup.h"
#include "hook/common/proc.h"
#include "tests/unit/unit.h"

#define LONG_ID "2f6a1c2f6a1c2f6a1c2f6a1c2f6a1c2f6a1c2f6a1c2f6a1c2f6a1c2f6a1c1234"

#define OTHER_ID "3f6a1c2f6a1c2f6a1c2f6a1c2f6a1c2f6a1c2f6a1c2f6a1c2f6a1c2f6a1c1234"

static const struct cgroup_container sorted[] = {
	{.id = LONG_ID},    {.id = "a"},   {.id = "crun-b"},
	{.id = "db.scope"}, {.id = "web"}, {.id = "web-1"},
};

static const struct {
	const char *text;
	const char *id; /* NULL: none of them */
} cases[] = {
	/* cgroup v2, as each engine names it */
	{"0::/web\n", "web"},
	{"0::/system.slice/crun-web.scope\n", "web"},
	{"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" LONG_ID
	 ".scope/container\n",
	 LONG_ID},
	{"0::/libpod_parent/libpod-" LONG_ID "\n", LONG_ID},
	{"0::/docker/" LONG_ID "\n", LONG_ID},
	{"0::/system.slice/docker-" LONG_ID ".scope\n", LONG_ID},
	{"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/"
	 "cri-containerd-" LONG_ID ".scope\n",
	 LONG_ID},
	{"0::/kubepods.slice/kubepods-pod1.slice/crio-" LONG_ID ".scope\n", LONG_ID},
	{"0::/kubepods/burstable/pod1/" LONG_ID "\n", LONG_ID},
	{"0::/default/nerdctl-web-1\n", "web-1"},
	/* one hierarchy of v1 is enough; names of controllers may have colons after them only */
	{"12:pids:/user\n7:cpu,cpuacct:/docker/web\n1:name=systemd:/\n0::/\n", "web"},
	/* no end of line */
	{"0::/web", "web"},
	/* only whole components count */
	{"0::/web-2\n", NULL},
	{"0::/webx/xweb/we\n", NULL},
	{"0::/libpod-conmon-web.scope\n", NULL},
	{"0::/web.slice\n", NULL},
	{"0::/my-web.scope\n", NULL},
	{"0::/" LONG_ID "0\n", NULL},
	/* an ID that looks like a prefix or a suffix of another */
	{"0::/crun-b\n", "crun-b"},
	{"0::/crun-crun-b.scope\n", "crun-b"},
	{"0::/db.scope\n", "db.scope"},
	{"0::/crun-db.scope.scope\n", "db.scope"},
	/* what a container makes below its own cgroup is its own, whatever it is called */
	{"0::/web/payload/crun-web-1.scope/init\n", "web"},
	/* nor can a container that is not among them pass for one that is */
	{"0::/docker/" OTHER_ID "/web\n", NULL},
	{"0::/machine.slice/libpod-" OTHER_ID ".scope/libpod-" LONG_ID ".scope\n", NULL},
	{"5:pids:/\n1:name=systemd:/system.slice/crun-other.scope/system.slice/crun-web.scope\n",
	 NULL},
	/* a pod's cgroup is called as a container's could be */
	{"0::/libpod_parent/" OTHER_ID "/libpod-" LONG_ID "\n", LONG_ID},
	/* nothing at all */
	{"", NULL},
	{"0::/\n", NULL},
	{"0:\n:\n::\n\n", NULL},
	{"web\n", NULL},
};

static void names_of_cgroups(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		ssize_t found = cgroup_match(cases[i].text, sorted, COUNT(sorted));
		const char *id = found < 0 ? "none" : sorted[found].id;

		if (strcmp(id, cases[i].id ? cases[i].id : "none") != 0)
			fail_msg("%s: %s", cases[i].text, id);
	}
}

static const struct {
	const char *text;
	const char *id; /* NULL: none that only an engine gives */
} engine_cases[] = {
	{"0::/machine.slice/libpod-" LONG_ID ".scope/container\n", LONG_ID},
	{"0::/libpod_parent/libpod-" LONG_ID "\n", LONG_ID},
	{"0::/docker/" LONG_ID "\n", LONG_ID},
	{"12:pids:/user.slice\n4:memory:/kubepods/burstable/pod1/" LONG_ID "/x\n0::/\n", LONG_ID},
	{"0::/kubepods-pod1.slice/cri-containerd-" LONG_ID ".scope\n", LONG_ID},
	{"0::/system.slice/crun-web.scope/crun-inner.scope\n", "web"},
	{"0::/libpod-conmon-" LONG_ID ".scope\n", NULL},
	{"0::/" LONG_ID "0\n", NULL},
	{"0::/web\n", NULL},
	{"0::/crun-\n", NULL},
	{"0::/system.slice/ssh.service\n", NULL},
	{"", NULL},
	{"0:\n", NULL},
};

static void names_that_only_engines_give(void **state)
{
	char id[128], small[10];

	(void)state;
	for (size_t i = 0; i < COUNT(engine_cases); i++) {
		bool found = cgroup_engine_id(engine_cases[i].text, id, sizeof(id));

		if (found != (engine_cases[i].id != NULL) ||
		    (found && strcmp(id, engine_cases[i].id) != 0))
			fail_msg("%s: %s", engine_cases[i].text, found ? id : "none");
	}
	assert_false(cgroup_engine_id("0::/docker/" LONG_ID "\n", small, sizeof(small)));
}

static const struct {
	const char *text, *folder;
	bool is_in;
} folder_cases[] = {
	{"0::/a/b\n", "/a/b", true},
	{"0::/a/b\n", "/a", true},
	{"0::/a/b\n", "/a/", true},
	{"0::/a/b\n", "/", true},
	{"0::/a/b\n", "/sys/fs/cgroup/a", true},
	{"0::/a/b\n", "/sys/fs/cgroup/unified/a/b", true},
	{"0::/a/b\n", "/a/b/c", false},
	{"0::/ab\n", "/a", false},
	{"0::/a/b\n", "/b", false},
	{"0::/\n", "/a", false},
	{"5:cpu,cpuacct:/x\n4:memory:/a\n1:name=systemd:/s\n0::/\n", "/sys/fs/cgroup/cpu,cpuacct/x",
	 true},
	{"5:cpu,cpuacct:/x\n4:memory:/a\n", "/sys/fs/cgroup/cpuacct/x/", true},
	{"5:cpu,cpuacct:/x\n4:memory:/a\n", "/sys/fs/cgroup/memory/x", false},
	{"1:name=systemd:/s/t\n", "/sys/fs/cgroup/systemd/s", true},
	{"4:memory:/a\n0::/b\n", "/b", true},
	{"", "/", false},
};

static void cgroups_by_their_folder(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(folder_cases); i++)
		if (cgroup_is_in(folder_cases[i].text, folder_cases[i].folder) !=
		    folder_cases[i].is_in)
			fail_msg("%s: %s", folder_cases[i].text, folder_cases[i].folder);
}

/* A child with a child of its own; both sleep until they are killed. *ret_child is set when both are there. */
static pid_t start_family(pid_t *ret_child)
{
	pid_t parent, child = 0;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	parent = fork();
	if (parent == 0) {
		child = fork();
		if (child == 0)
			for (;;)
				pause();
		if (write(fds[1], &child, sizeof(child)) != sizeof(child))
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(fds[0], &child, sizeof(child)), sizeof(child));
	close(fds[0]);
	close(fds[1]);
	*ret_child = child;
	return parent;
}

static void without_a_cgroup_of_its_own(void **state)
{
	struct proc_stat stat;
	pid_t child, parent = start_family(&child);
	struct cgroup_container run = {.id = "run-1", .pid = parent, .has_no_cgroup = true};
	struct cgroup_container containers[] = {
		{.id = "no-such-1"},
		{.id = "no-such-0", .pid = parent},
		{.id = "no-such-2", .pid = parent, .start_time = 1},
		{.id = "no-such-3", .hint = parent},
	};

	(void)state;
	assert_ok(proc_stat_read(parent, &stat, &err));
	containers[1].start_time = stat.start_time;
	assert_ok(cgroup_containers_find(containers, COUNT(containers), &err));
	run.start_time = stat.start_time;
	assert_ok(cgroup_containers_find(&run, 1, &err));
	kill(child, SIGKILL);
	kill(parent, SIGKILL);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	assert_string_equal(containers[0].id, "no-such-0");
	assert_int_equal(containers[0].count, 2);
	assert_int_equal(containers[0].pids[0] + containers[0].pids[1], parent + child);
	assert_int_equal(containers[1].count, 0);
	assert_int_equal(containers[2].count, 0);
	assert_int_equal(containers[3].count, 0);
	cgroup_containers_done(containers, COUNT(containers));
	assert_int_equal(containers[0].count, 0);
	assert_int_equal(run.count, 2);
	assert_int_equal(run.pids[0] + run.pids[1], parent + child);
	cgroup_containers_done(&run, 1);
	assert_ok(cgroup_containers_find(containers, 0, &err));
}

/* Each line of the text that names a container, with that container's own cgroup. */
static void where_a_cgroup_is(void **state)
{
	static const char text[] = "7:cpu,cpuacct:/docker/web/below\n3:pids:/other\n"
				   "1:name=systemd:/system.slice/crun-a.scope\n0::/web\n";
	struct cgroup_place place;
	const char *line = text;
	ssize_t found;

	(void)state;
	found = cgroup_match_next(&line, sorted, COUNT(sorted), &place);
	assert_string_equal(sorted[found].id, "web");
	assert_string_equal(place.controllers, "cpu,cpuacct");
	assert_string_equal(place.path, "/docker/web");
	found = cgroup_match_next(&line, sorted, COUNT(sorted), &place);
	assert_string_equal(sorted[found].id, "a");
	assert_string_equal(place.controllers, "name=systemd");
	assert_string_equal(place.path, "/system.slice/crun-a.scope");
	found = cgroup_match_next(&line, sorted, COUNT(sorted), &place);
	assert_string_equal(sorted[found].id, "web");
	assert_string_equal(place.controllers, "");
	assert_string_equal(place.path, "/web");
	assert_true(cgroup_match_next(&line, sorted, COUNT(sorted), &place) == -1);
}

static void names_outside_of_containers(void **state)
{
	(void)state;
	assert_true(cgroup_is_named("0::/system.slice/nginx.service\n", "nginx.service"));
	assert_true(cgroup_is_named("0::/system.slice/nginx.service\n", "system.slice"));
	assert_true(cgroup_is_named("2:cpu:/\n1:name=systemd:/crun-web.scope/a\n", "web"));
	assert_true(cgroup_is_named("0::/docker/" LONG_ID "\n", LONG_ID));
	assert_false(cgroup_is_named("0::/system.slice/nginx.service\n", "nginx"));
	assert_false(cgroup_is_named("0::/a/libpod-" LONG_ID "/system.slice/nginx.service\n",
				     "nginx.service"));
	assert_false(cgroup_is_named("0::/\n", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_cgroups),
		cmocka_unit_test(names_that_only_engines_give),
		cmocka_unit_test(cgroups_by_their_folder),
		cmocka_unit_test(names_outside_of_containers),
		cmocka_unit_test(where_a_cgroup_is),
		cmocka_unit_test(without_a_cgroup_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
