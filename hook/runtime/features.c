/* SPDX-License-Identifier: Apache-2.0 */
/* What the real runtime can do with seccomp profiles: its "features" command, asked once. */
#include "hook/runtime/features.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hook/common/paths.h"
#include "hook/common/probe.h"
#include "oci-config/cleanup.h"
#include "oci-config/file.h"
#include "oci-config/json.h"

#define OUTPUT_MAX (256u << 10)
#define CACHE_MAX  4096
#define ANSWER_MS  5000

struct features {
	bool notify, wait_killable, spec_allow;
};

/* The name changes with the program, so a cache is never out of date. */
static int cache_name(const char *runtime, char *buf, size_t size, struct error *err)
{
	struct stat st;

	if (stat(runtime, &st) < 0)
		return error_set(err, errno, "look at %s", runtime);
	snprintf(buf, size, "runtime-%llx-%llx-%llx-%llx.%09ld.json", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino, (unsigned long long)st.st_size,
		 (unsigned long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	return 0;
}

static int visit_cache(json_object *doc, struct features *f)
{
	int rc = ocfg_json_get_bool(doc, "notify", &f->notify, NULL);

	if (rc == 0)
		rc = ocfg_json_get_bool(doc, "wait_killable", &f->wait_killable, NULL);
	return rc < 0 ? rc : ocfg_json_get_bool(doc, "spec_allow", &f->spec_allow, NULL);
}

static int load(int dir, const char *name, struct features *ret)
{
	cleanup_free char *text = NULL;
	cleanup_json json_object *doc = NULL;
	struct features f = {.notify = true};
	size_t len;
	int rc = ocfg_file_read(dir, name, CACHE_MAX, &text, &len, NULL);

	if (rc == 0)
		rc = ocfg_json_parse(text, len, &doc, NULL);
	if (rc == 0)
		rc = ocfg_json_expect(doc, json_type_object, name, NULL);
	if (rc == 0)
		rc = visit_cache(doc, &f);
	if (rc == 0)
		*ret = f;
	return rc;
}

/* Without a cache the next start asks again. */
static void save(int dir, const char *name, const char *runtime, const struct features *f)
{
	cleanup_json json_object *doc = json_object_new_object();
	const char *text;
	size_t len;

	if (doc && ocfg_json_add(doc, "path", json_object_new_string(runtime), NULL) == 0 &&
	    ocfg_json_add(doc, "notify", json_object_new_boolean(f->notify), NULL) == 0 &&
	    ocfg_json_add(doc, "wait_killable", json_object_new_boolean(f->wait_killable), NULL) ==
		    0 &&
	    ocfg_json_add(doc, "spec_allow", json_object_new_boolean(f->spec_allow), NULL) == 0 &&
	    ocfg_json_print(doc, &text, &len, NULL) == 0)
		(void)ocfg_file_replace(dir, name, text, len, NULL);
}

static void become(const char *runtime, int out)
{
	char *const argv[] = {(char *)runtime, (char *)"features", NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(null, STDERR_FILENO) < 0)
		_exit(126);
	execv(runtime, argv);
	_exit(127);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Up to `size` bytes until the end of `fd`; -1 if it does not come in time, or there are more. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
	const int64_t deadline = now_ms() + ANSWER_MS;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t len = 0;
	ssize_t n;

	while (len < size) {
		int64_t left = deadline - now_ms();

		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			return -1;
		n = read(fd, buf + len, size - len);
		if (n <= 0)
			return n < 0 ? -1 : (ssize_t)len;
		len += (size_t)n;
	}
	return -1;
}

/* Its output, or NULL where it has no such command. */
static json_object *run(const char *runtime)
{
	cleanup_free char *text = malloc(OUTPUT_MAX);
	cleanup_close int in = -1, out = -1;
	json_object *doc = NULL;
	int fds[2], status;
	ssize_t len;
	pid_t pid;

	if (!text || pipe2(fds, O_CLOEXEC) < 0)
		return NULL;
	in = fds[0];
	out = fds[1];
	pid = fork();
	if (pid == 0)
		become(runtime, out);
	close(steal_fd(&out));
	if (pid < 0)
		return NULL;
	len = read_all(in, text, OUTPUT_MAX);
	if (len < 0)
		kill(pid, SIGKILL);
	if (TEMP_FAILURE_RETRY(waitpid(pid, &status, 0)) != pid || status != 0 || len <= 0 ||
	    ocfg_json_parse(text, (size_t)len, &doc, NULL) < 0)
		return NULL;
	return doc;
}

static bool has(json_object *seccomp, const char *list, const char *word)
{
	json_object *array;

	if (ocfg_json_get_array(seccomp, list, &array, NULL) < 0 || !array)
		return false;
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		json_object *item = json_object_array_get_idx(array, i);

		if (json_object_is_type(item, json_type_string) &&
		    strcmp(json_object_get_string(item), word) == 0)
			return true;
	}
	return false;
}

/* What is known of it but not supported (by its libseccomp, say) is a failed start. */
static bool has_flag(json_object *seccomp, const char *flag)
{
	return has(seccomp, "supportedFlags", flag);
}

static struct features find(const char *runtime)
{
	cleanup_json json_object *doc = run(runtime);
	struct features f = {.notify = true};
	json_object *section = NULL, *seccomp = NULL;
	bool enabled = true;

	if (!json_object_is_type(doc, json_type_object) ||
	    ocfg_json_get_object(doc, "linux", &section, NULL) < 0 ||
	    ocfg_json_get_object(section, "seccomp", &seccomp, NULL) < 0 || !seccomp)
		return f;
	(void)ocfg_json_get_bool(seccomp, "enabled", &enabled, NULL);
	f.notify = enabled && has(seccomp, "actions", "SCMP_ACT_NOTIFY");
	f.wait_killable = has_flag(seccomp, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
	f.spec_allow = has_flag(seccomp, "SECCOMP_FILTER_FLAG_SPEC_ALLOW");
	return f;
}

int features_ask(struct container *c, unsigned kernel, struct error *err)
{
	struct features f = {.notify = true};
	char name[128];
	int rc = cache_name(c->runtime, name, sizeof(name), err);
	cleanup_close int dir = rc < 0 ? -1 : paths_state_dir(&c->settings, "", NULL);

	if (rc < 0)
		return rc;
	if (dir < 0 || load(dir, name, &f) < 0) {
		f = find(c->runtime);
		if (dir >= 0)
			save(dir, name, c->runtime, &f);
	}
	c->notify.wait_killable = f.wait_killable && (kernel & PROBE_WAIT_KILLABLE);
	c->notify.spec_allow = f.spec_allow;
	if (!f.notify)
		return error_set(err, EINVAL, "%s has no seccomp notification", c->runtime);
	return 0;
}
