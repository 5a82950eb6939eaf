/* SPDX-License-Identifier: Apache-2.0 */
/* hook/common/engine_names: names from bundles and stores of the form that engines give them. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "hook/common/engine_names.h"
#include "tests/unit/unit.h"

#define ID "2f6a1c2f6a1c2f6a1c2f6a1c2f6a1c2f6a1c2f6a1c2f6a1c2f6a1c2f6a1c1234"

static void make(const struct folder *folder, const char *path)
{
	if (mkdirat(folder->fd, path, 0700) < 0)
		fail_msg("%s", path);
}

static void put(const struct folder *folder, const char *path, const char *text)
{
	cleanup_close int fd =
		openat(folder->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* Of the bundle in folder `path`, with that config.json, if there is one. */
static char *name_of(const struct folder *folder, const char *path, const char *config,
		     bool is_store)
{
	struct engine_names names = {0};
	cleanup_close int bundle = -1;
	char file[256], *name;

	snprintf(file, sizeof(file), "%s/config.json", path);
	if (config)
		put(folder, file, config);
	bundle = openat(folder->fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	name = engine_name_of_bundle(&names, ID, bundle, folder->fd, is_store);
	engine_names_done(&names);
	return name;
}

static const struct {
	const char *config, *name;
} configs[] = {
	/* containerd */
	{"{\"annotations\":{\"io.kubernetes.cri.container-name\":\"app\",\"io.kubernetes.cri."
	 "sandbox-name\":"
	 "\"web-0\",\"io.kubernetes.cri.sandbox-namespace\":\"shop\"}}",
	 "shop/web-0/app"},
	{"{\"annotations\":{\"io.kubernetes.cri.container-type\":\"sandbox\",\"io.kubernetes.cri."
	 "sandbox-name\":"
	 "\"web-0\",\"io.kubernetes.cri.sandbox-namespace\":\"shop\"}}",
	 "shop/web-0/POD"},
	/* CRI-O */
	{"{\"annotations\":{\"io.kubernetes.container.name\":\"app\",\"io.kubernetes.pod.name\":"
	 "\"web-0\","
	 "\"io.kubernetes.pod.namespace\":\"shop\"}}",
	 "shop/web-0/app"},
	{"{\"annotations\":{\"nerdctl/name\":\"web\",\"nerdctl/namespace\":\"default\"}}", "web"},
	/* nothing of this, or nothing that could be it */
	{"{\"annotations\":{\"io.kubernetes.cri.container-name\":\"app\"}}", NULL},
	{"{\"annotations\":{\"nerdctl/name\":\"\"}}", NULL},
	{"{\"annotations\":{\"nerdctl/name\":7}}", NULL},
	{"{\"annotations\":[\"nerdctl/name\"]}", NULL},
	{"{\"annotations\":null,\"mounts\":{}}", NULL},
	{"{\"mounts\":[7,null,{},{\"source\":7},{\"source\":\"/containers/" ID "/x\"}]}", NULL},
	{"[]", NULL},
	{"\"web\"", NULL},
	{"null", NULL},
	{"{", NULL},
	{"", NULL},
	{NULL, NULL},
};

static void from_annotations(void **state)
{
	const struct folder *folder = *state;

	for (size_t i = 0; i < COUNT(configs); i++) {
		cleanup_free char *name = NULL;
		char path[16];

		snprintf(path, sizeof(path), "b%zu", i);
		make(folder, path);
		name = name_of(folder, path, configs[i].config, false);
		if (!configs[i].name != !name || (name && strcmp(name, configs[i].name) != 0))
			fail_msg("%zu: %s", i, name ? name : "no name");
	}
}

static void docker_s_folder_is_where_its_mounts_come_from(void **state)
{
	static const char config[] = "{\"mounts\":[{\"destination\":\"/"
				     "proc\",\"source\":\"proc\"},{\"destination\":\"/etc/hosts\","
				     "\"source\":\"/data/containers/" ID "/hosts\"}]}";
	const struct folder *folder = *state;
	static const struct {
		const char *text, *name;
	} cases[] = {
		{"{\"StreamConfig\":{},\"State\":{\"Pid\":7},\"ID\":\"" ID "\",\"Name\":\"/web\"}",
		 "web"},
		{"{\"ID\":\"another\",\"Name\":\"/web\"}", NULL},
		{"{\"ID\":\"" ID "\",\"Name\":\"/\"}", NULL},
		{"{\"ID\":\"" ID "\",\"Name\":null}", NULL},
		{"{\"ID\":\"" ID "\",", NULL},
	};

	make(folder, "data");
	make(folder, "data/containers");
	make(folder, "data/containers/" ID);
	make(folder, "bundle");
	assert_null(name_of(folder, "bundle", config, false));
	for (size_t i = 0; i < COUNT(cases); i++) {
		cleanup_free char *name = NULL;

		put(folder, "data/containers/" ID "/config.v2.json", cases[i].text);
		name = name_of(folder, "bundle", config, false);
		if (!cases[i].name != !name || (name && strcmp(name, cases[i].name) != 0))
			fail_msg("%zu: %s", i, name ? name : "no name");
	}
	/* A fifo is not waited for. */
	unlinkat(folder->fd, "data/containers/" ID "/config.v2.json", 0);
	assert_int_equal(mkfifoat(folder->fd, "data/containers/" ID "/config.v2.json", 0600), 0);
	assert_null(name_of(folder, "bundle", config, false));
}

static void podman_s_store_has_all_names(void **state)
{
	static const char bundle[] = "overlay-containers/" ID "/userdata";
	const struct folder *folder = *state;
	char *name;

	make(folder, "overlay-containers");
	make(folder, "overlay-containers/" ID);
	make(folder, bundle);
	assert_null(name_of(folder, bundle, "{}", true));
	put(folder, "overlay-containers/containers.json",
	    "[{\"id\":\"other\",\"names\":[\"db\"]},7,{\"id\":\"" ID
	    "\",\"names\":[\"web\",\"second\"],\"image\":\"x\",\"created\":\"2026-11-28T10:00:"
	    "00Z\"}]");
	name = name_of(folder, bundle, NULL, true);
	assert_string_equal(name, "web");
	free(name);
	/* Not if it is no store. */
	assert_null(name_of(folder, bundle, NULL, false));
	put(folder, "overlay-containers/containers.json", "[{\"id\":\"" ID "\",\"names\":[7]}]");
	assert_null(name_of(folder, bundle, NULL, true));
	put(folder, "overlay-containers/containers.json", "[{\"id\":\"" ID "\"}]");
	put(folder, "overlay-containers/volatile-containers.json",
	    "[{\"id\":\"" ID "\",\"names\":[\"soon gone\"]}]");
	name = name_of(folder, bundle, NULL, true);
	assert_string_equal(name, "soon gone");
	free(name);
}

/* A process that stands in `path`, or is told of that, with a child; both wait for their end. */
static pid_t start_in(const struct folder *folder, const char *path, bool told, pid_t *ret_child)
{
	static const char script[] = "sleep 1000 >/dev/null & echo $!; exec >&-; wait";
	char number[32] = "", full[512];
	int ends[2];
	pid_t pid;

	snprintf(full, sizeof(full), "%s/%s", folder->path, path);
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], 1);
		if (!told && chdir(full) == 0)
			execl("/bin/sh", "sh", "-c", script, NULL);
		if (told)
			execl("/bin/sh", "sh", "-c", script, "conmon", "-c", ID, "-b", full, "-n",
			      "old", NULL);
		_exit(1);
	}
	close(ends[1]);
	assert_true(read(ends[0], number, sizeof(number) - 1) > 0);
	close(ends[0]);
	*ret_child = (pid_t)strtol(number, NULL, 10);
	return pid;
}

static void end(pid_t parent, pid_t child)
{
	kill(child, SIGKILL);
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
}

static void found_by_who_started_it(void **state)
{
	const struct folder *folder = *state;
	/* conmon; a shim in the container's bundle; that of a pod, beside it; and one that has nothing to do with it */
	static const char *const places[] = {("s-containers/" ID "/userdata"), ("k8s.io/" ID),
					     "k8s.io/pause", "elsewhere"};

	make(folder, "s-containers");
	make(folder, "s-containers/" ID);
	make(folder, places[0]);
	make(folder, "k8s.io");
	make(folder, places[1]);
	make(folder, places[2]);
	make(folder, places[3]);
	put(folder, "s-containers/containers.json", "[{\"id\":\"" ID "\",\"names\":[\"web\"]}]");
	put(folder, "k8s.io/" ID "/config.json", configs[0].config);
	put(folder, "k8s.io/pause/config.json", configs[1].config);
	put(folder, "elsewhere/config.json", configs[3].config);
	for (size_t i = 0; i < COUNT(places); i++) {
		static const char *const expected[] = {"web", "shop/web-0/app", "shop/web-0/app",
						       NULL};
		struct engine_names names = {0};
		pid_t child, parent = start_in(folder, places[i], i == 0, &child);
		char *name = engine_name(&names, ID, &child, 1);

		end(parent, child);
		if (!expected[i])
			assert_null(name);
		else
			assert_string_equal(name, expected[i]);
		free(name);
		/* It has ended. */
		assert_null(engine_name(&names, ID, &child, 1));
		engine_names_done(&names);
	}
}

static void what_stands_for_a_name(void **state)
{
	(void)state;
	assert_true(engine_name_is("web", "web"));
	assert_true(engine_name_is("shop/web-0/app", "shop/web-0/app"));
	assert_true(engine_name_is("shop/web-0/app", "web-0/app"));
	assert_false(engine_name_is("shop/web-0/app", "app"));
	assert_false(engine_name_is("web", "we"));
	assert_false(engine_name_is("web", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(from_annotations, folder_set_up, folder_tear_down),
		cmocka_unit_test_setup_teardown(docker_s_folder_is_where_its_mounts_come_from,
						folder_set_up, folder_tear_down),
		cmocka_unit_test_setup_teardown(podman_s_store_has_all_names, folder_set_up,
						folder_tear_down),
		cmocka_unit_test_setup_teardown(found_by_who_started_it, folder_set_up,
						folder_tear_down),
		cmocka_unit_test(what_stands_for_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
