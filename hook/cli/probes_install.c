/* SPDX-License-Identifier: Apache-2.0 */
/* What `doctor` asks of the installation. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hook/cli/probes.h"
#include "hook/common/domain.h"
#include "hook/common/log.h"
#include "hook/common/paths.h"
#include "hook/common/switched.h"
#include "oci-config/cleanup.h"
#include "oci-config/file.h"
#include "oci-config/json.h"
#include "oci-config/plan.h"
#include "oci-config/state.h"

#define HOOK_PROGRAM	"oci-ksm-hook"
#define RUNTIME_PROGRAM "oci-ksm-runtime"

/* Where podman and CRI-O look for hooks (oci-hooks(5)). */
static const char *const hook_folders[] = {
	"/usr/share/containers/oci/hooks.d",
	"/etc/containers/oci/hooks.d",
};

static enum verdict check_settings(const struct probe_context *context, char *detail)
{
	struct ocfg_settings settings;
	struct ocfg_notes notes = {0};
	struct error err = {0};
	const char *path = getenv(OCFG_SETTINGS_ENV);
	int rc = ocfg_settings_load(NULL, &settings, &notes, &err);

	(void)context;
	ocfg_settings_done(&settings);
	path = path ? path : OCFG_SETTINGS_PATH;
	if (rc < 0)
		return probe_say(PROBE_WARN, detail, "%s", err.msg);
	if (notes.count)
		return probe_say(PROBE_WARN, detail, "%s: %s", path, notes.text[0]);
	if (access(path, F_OK) < 0)
		return probe_say(PROBE_OK, detail, "there is no %s, so the defaults hold", path);
	return probe_say(PROBE_OK, detail, "%s", path);
}

static enum verdict check_shim(const struct probe_context *context, char *detail)
{
	char dir[PATH_MAX];
	struct error err = {0};

	if (paths_preload_dir(&context->settings, dir, sizeof(dir), &err) < 0)
		return probe_say(PROBE_FAIL, detail, "%s", err.msg);
	return probe_say(PROBE_OK, detail, "%s", dir);
}

/* Runs a program to its end; what it says on stdout and stderr, as far as it fits, is in buf. Its exit status, or -errno. */
static int run(const char *const argv[], const char *preload, char *buf, size_t size)
{
	cleanup_close int from = -1, to = -1;
	size_t len = 0;
	int fds[2], status;
	pid_t child;
	ssize_t n;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	from = fds[0];
	to = fds[1];
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0) {
		if (preload &&
		    (setenv("LD_PRELOAD", preload, 1) < 0 || setenv("OCI_KSM_DEBUG", "1", 1) < 0))
			_exit(127);
		if (dup2(to, STDOUT_FILENO) >= 0 && dup2(to, STDERR_FILENO) >= 0)
			execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(steal_fd(&to));
	/* Read to the end, so that it never writes into a closed pipe. */
	do {
		char rest[256];

		n = len + 1 < size ? read(from, buf + len, size - len - 1)
				   : read(from, rest, sizeof(rest));
		if (n > 0 && len + 1 < size)
			len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	buf[len] = '\0';
	if (waitpid(child, &status, 0) != child)
		return -ECHILD;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static enum verdict check_shim_loads(const struct probe_context *context, char *detail)
{
	static const char *const argv[] = {"/bin/true", NULL};
	char dir[PATH_MAX], preload[PATH_MAX + sizeof(OCFG_PLAN_SHIM)], said[PROBE_DETAIL / 2] = "";
	const char *text;
	int status;

	if (paths_preload_dir(&context->settings, dir, sizeof(dir), NULL) < 0)
		return PROBE_SKIP; /* said by the one before */
	snprintf(preload, sizeof(preload), "%s/" OCFG_PLAN_SHIM, dir);
	status = run(argv, preload, said, sizeof(said));
	text = strstr(said, "oci-ksm: ");
	said[strcspn(said, "\n")] = '\0';
	if (status != 0 || !text)
		return probe_say(PROBE_FAIL, detail, "%s: status %d, it says \"%s\"", argv[0],
				 status, said);
	return probe_say(PROBE_OK, detail, "%s", text + strlen("oci-ksm: "));
}

static bool is_installed(const char *program)
{
	static const char *const folders[] = {"/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"};
	char path[64];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folders[i], program);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* How packages are installed here, by the names that Debian and Fedora give them. */
static const char *installer(void)
{
	if (is_installed("apt-get"))
		return "apt-get";
	return is_installed("dnf") ? "dnf" : NULL;
}

static enum verdict check_runtime(const struct probe_context *context, char *detail)
{
	char path[PATH_MAX], said[PROBE_DETAIL / 2] = "";
	const char *const argv[] = {path, "--version", NULL};
	struct error err = {0};
	int status;

	if (installer())
		probe_advise(context,
			     "`%s install crun`, or name your runtime in the settings (runtimes). "
			     "Engines that use hooks don't need it.",
			     installer());
	if (paths_sibling(RUNTIME_PROGRAM, path, sizeof(path), &err) < 0)
		return probe_say(PROBE_WARN, detail, "%s", err.msg);
	status = run(argv, NULL, said, sizeof(said));
	said[strcspn(said, "\n")] = '\0';
	if (status != 0)
		return probe_say(PROBE_WARN, detail, "%s --version: status %d, it says \"%s\"",
				 path, status, said);
	return probe_say(PROBE_OK, detail, "%s", said);
}

/* Copies hook.path of a hooks.d file if that is our program. */
static bool names_our_hook(int dir, const char *file, char *ret, size_t size)
{
	cleanup_json json_object *doc = NULL;
	cleanup_free char *text = NULL;
	json_object *hook = NULL;
	const char *path = NULL, *base;
	size_t len;

	if (ocfg_file_read(dir, file, 64 << 10, &text, &len, NULL) < 0 ||
	    ocfg_json_parse(text, len, &doc, NULL) < 0 ||
	    !json_object_is_type(doc, json_type_object) ||
	    ocfg_json_get_object(doc, "hook", &hook, NULL) < 0 ||
	    ocfg_json_get_string(hook, "path", &path, NULL) < 0 || !path)
		return false;
	base = strrchr(path, '/');
	if (!base || strcmp(base + 1, HOOK_PROGRAM) != 0)
		return false;
	snprintf(ret, size, "%s", path);
	return true;
}

static bool find_hook(const char *folder, char *ret, size_t size)
{
	cleanup_dir DIR *dir = opendir(folder);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (dot && strcmp(dot, ".json") == 0 &&
		    names_our_hook(dirfd(dir), entry->d_name, ret, size))
			return true;
	}
	return false;
}

static enum verdict check_hooks(const struct probe_context *context, char *detail)
{
	char path[PATH_MAX];

	(void)context;
	if (!is_installed("podman") && !is_installed("crio"))
		return PROBE_SKIP;
	for (size_t i = 0; i < sizeof(hook_folders) / sizeof(hook_folders[0]); i++) {
		if (!find_hook(hook_folders[i], path, sizeof(path)))
			continue;
		if (access(path, X_OK) < 0)
			return probe_say(PROBE_FAIL, detail, "%s names %s: %s", hook_folders[i],
					 path, strerror(errno));
		return probe_say(PROBE_OK, detail, "%s names %s", hook_folders[i], path);
	}
	return probe_say(PROBE_WARN, detail, "no file in %s or %s names " HOOK_PROGRAM,
			 hook_folders[0], hook_folders[1]);
}

/* Is there a record that says nothing? `name` is then the first one's, in one of the folders of state. */
static bool has_garbage(const struct probe_context *context, char *name, size_t size)
{
	static const char *const folders[] = {"containers", SWITCHED_DIR};

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		int fd = paths_state_dir(&context->settings, folders[i], NULL);
		cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
		const struct dirent *entry;
		char id[OCFG_ID_MAX + 1];

		while (dir && (entry = readdir(dir))) {
			struct ocfg_record record = {0};
			struct switched switched = {0};
			int rc = 0;

			if (!ocfg_id_of_file(entry->d_name, id))
				continue;
			if (i == 0)
				rc = ocfg_record_load(fd, id, &record, NULL);
			else
				rc = switched_load(fd, id, &switched, NULL);
			ocfg_record_done(&record);
			switched_done(&switched);
			if (rc == 0 || rc == -ENOENT)
				continue;
			snprintf(name, size, "%s/%s", folders[i], entry->d_name);
			return true;
		}
	}
	return false;
}

static enum verdict check_state(const struct probe_context *context, char *detail)
{
	struct error err = {0};
	char path[PATH_MAX], id[32], source[] = "run", garbage[OCFG_ID_MAX + 32];
	struct ocfg_record trial = {.id = id, .source = source, .pid = getpid()};
	cleanup_close int dir = paths_state_dir(&context->settings, "containers", &err);

	snprintf(id, sizeof(id), "run-%d", (int)trial.pid);
	if (dir < 0)
		return probe_say(PROBE_WARN, detail, "%s", err.msg);
	if (paths_of_fd(dir, path, sizeof(path), &err) < 0)
		return probe_say(PROBE_WARN, detail, "%s", err.msg);
	/* By trying: a full disk is found in no other way. A record of a process that ends is nobody's. */
	if (ocfg_record_save(dir, &trial, &err) < 0 || ocfg_record_remove(dir, id, &err) < 0)
		return probe_say(PROBE_WARN, detail, "%s: %s", path, err.msg);
	if (has_garbage(context, garbage, sizeof(garbage))) {
		probe_advise(context, "Remove that file; until its container starts again, status "
				      "and trust domains know nothing of it, and what was switched "
				      "off may merge again.");
		return probe_say(PROBE_WARN, detail, "%s, but %s beside it cannot be read", path,
				 garbage);
	}
	return probe_say(PROBE_OK, detail, "%s", path);
}

/* Engines drop what hooks print: without a log nobody learns why a container does not merge. */
static enum verdict check_log(const struct probe_context *context, char *detail)
{
	struct error err = {0};

	if (log_check(context->settings.log, &err) < 0)
		return probe_say(PROBE_WARN, detail, "%s", err.msg);
	return probe_say(PROBE_OK, detail, "%s",
			 context->settings.log ? context->settings.log : "auto");
}

/* Who waits for merging sees here whom to ask. */
static enum verdict check_domain(const struct probe_context *context, char *detail)
{
	struct domain_holder holder = {.count = 0};
	struct domain_guard guard;
	struct error err = {0};
	char more[32] = "";
	int rc = domain_begin(&context->settings, &guard, &err);

	if (rc < 0)
		return rc == -EAGAIN ? probe_say(PROBE_WARN, detail, "%s", err.msg) : PROBE_SKIP;
	rc = domain_find(&guard, &holder, &err);
	domain_end(&guard);
	if (rc < 0)
		return probe_say(PROBE_WARN, detail, "%s", err.msg);
	if (!holder.domain[0])
		return PROBE_SKIP;
	if (holder.count > 1)
		snprintf(more, sizeof(more), " and %zu more", holder.count - 1);
	return probe_say(PROBE_OK, detail, "%s: %s%s", holder.domain, holder.id, more);
}

const struct doctor_probe probes_install[] = {
	{"settings", "Can the settings be read?", check_settings,
	 "Correct the file; until then the defaults hold."},
	{"shim", "Is the preload shim there?", check_shim,
	 "Install oci-ksm again (packages oci-ksm and libksm-preload, or make install), or set "
	 "preload_dir in the settings."},
	{"shim_loads", "Do programs load it?", check_shim_loads,
	 "Build it for this machine's architecture and install it again: make install"},
	{"runtime", "Does " RUNTIME_PROGRAM " find the real runtime?", check_runtime,
	 "Install crun or runc, or name yours in the settings (runtimes). Engines that use hooks "
	 "don't need it."},
	{"hooks", "Does podman find the hook?", check_hooks,
	 "Install oci-ksm again (the package, or make install to /usr/local or /usr); podman's "
	 "hooks_dir (containers.conf) must name that folder."},
	{"state", "Can the state be written?", check_state,
	 "Give that folder room, or to yourself alone (chown, chmod go-w), as the line says; or "
	 "set state_dir in the settings, or XDG_RUNTIME_DIR. Without it, status shows nothing."},
	{"log", "Can the log be written?", check_log,
	 "Make it possible, or name another one in the settings (log); what happens is told "
	 "nowhere else."},
	{"domain", "Which trust domain merges now?", check_domain,
	 "Find out who holds that folder's lock, and end it: `lsof +d /run/oci-ksm`."},
};
const size_t probes_install_count = sizeof(probes_install) / sizeof(probes_install[0]);
