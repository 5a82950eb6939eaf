/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which seccomp filters of a container let our calls pass: the one that its runtime has installed, if the profile in config.json
 * says so, of which that filter was made.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hook/common/bundle.h"
#include "hook/common/proc.h"
#include "hook/inject/inject.h"
#include "hook/mark/mark.h"
#include "hook/mark/process.h"
#include "oci-config/cleanup.h"
#include "oci-config/file.h"
#include "oci-config/seccomp.h"
#include "oci-config/spec.h"
#include "oci-config/state.h"

#define SECOND 1000000000
/* Clocks of files and of processes have ticks of up to 10 ms. */
#define CLOCKS_NS (INT64_C(30) * 1000000)

struct search {
	int64_t start; /* of the first process: ns of CLOCK_REALTIME */
	bool found;
	struct error *err;
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * SECOND + now.tv_nsec;
}

static int64_t start_of(const struct process_stat *stat)
{
	int64_t since_boot =
		(int64_t)(stat->start_time * (SECOND / (uint64_t)sysconf(_SC_CLK_TCK)));

	return clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME) + since_boot;
}

/* Only root and ourselves can have written it. */
static bool is_ours(const struct stat *st)
{
	return (st->st_uid == 0 || st->st_uid == geteuid()) && !(st->st_mode & 022);
}

/* As it was when the container started, and by nobody whom that concerns. */
static int open_config(int bundle, const struct search *search, size_t *ret_size)
{
	cleanup_close int fd = openat(bundle, "config.json",
				      O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat folder, st;

	if (fd < 0 || fstat(bundle, &folder) < 0 || fstat(fd, &st) < 0)
		return error_set(search->err, errno, "config.json of its bundle");
	if (!S_ISREG(st.st_mode) || st.st_size > OCFG_FILE_MAX || !is_ours(&folder) ||
	    !is_ours(&st))
		return error_set(search->err, EPERM,
				 "config.json of its bundle can be changed by others");
	if ((int64_t)st.st_ctim.tv_sec * SECOND + st.st_ctim.tv_nsec > search->start + CLOCKS_NS)
		return error_set(search->err, ESTALE,
				 "config.json of its bundle has changed since it started");
	*ret_size = (size_t)st.st_size;
	return steal_fd(&fd);
}

static int load_config(int bundle, const struct search *search, struct ocfg_spec *ret)
{
	size_t size = 0;
	cleanup_close int fd = open_config(bundle, search, &size);
	cleanup_free char *text = fd < 0 ? NULL : malloc(size + 1);
	ssize_t len;

	if (fd < 0)
		return fd;
	len = text ? ocfg_file_read_full(fd, text, size) : -ENOMEM;
	if (len < 0)
		return error_set(search->err, (int)-len, "config.json of its bundle");
	text[len] = '\0';
	return ocfg_spec_parse(text, (size_t)len, OCFG_SPEC_CONFIG, ret, search->err);
}

static int check_profile(const struct ocfg_spec *spec, struct error *err)
{
	if (!ocfg_seccomp_is_there(spec))
		return error_set(err, ENOENT, "they are not of its config.json, which has none");
	if (!ocfg_seccomp_is_native(spec))
		return error_set(err, EINVAL, "the seccomp profile is for other architectures");
	for (const char *const *call = inject_mark_calls; *call; call++)
		if (!ocfg_seccomp_spares(spec, *call))
			return error_set(err, EINVAL,
					 "the seccomp profile kills or holds up who calls %s",
					 *call);
	return 0;
}

/* The first bundle that can be read decides. */
static bool look_at_bundle(int bundle, struct search *search)
{
	struct ocfg_spec spec;

	if (load_config(bundle, search, &spec) < 0)
		return false;
	search->found = check_profile(&spec, search->err) == 0;
	ocfg_spec_done(&spec);
	return true;
}

/* Only conmon was told which one it is. */
static bool look_at_store(int bundle, int root, bool is_store, void *data)
{
	(void)root;
	return is_store && look_at_bundle(bundle, data);
}

static bool look_at_record(const struct mark_target *target, const char *id, int records,
			   struct search *search)
{
	struct ocfg_record record;
	cleanup_close int bundle = -1;

	if (records < 0 || !ocfg_id_is_valid(id) ||
	    ocfg_record_load(records, id, &record, NULL) < 0)
		return false;
	/* One without a pid is the wrapper's. */
	if (record.bundle &&
	    (!record.pid || (record.pid == target->pid && record.start_time == target->start_time)))
		bundle = open(record.bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ocfg_record_done(&record);
	return bundle >= 0 && look_at_bundle(bundle, search);
}

/* What the first process has must be the runtime's: nothing that whoever started it has too. */
static int check_first(pid_t pid, int dir, struct error *err)
{
	struct process_status status, starter;
	cleanup_close int parent = -1;
	struct proc_stat stat;
	char text[8192];
	int rc = process_status(dir, &status);

	if (rc == 0)
		rc = proc_stat_read(pid, &stat, NULL);
	if (rc == 0)
		rc = parent = process_open(stat.ppid);
	if (rc >= 0)
		rc = process_status(parent, &starter);
	if (rc < 0)
		return error_set(err, -rc, "process %d", pid);
	if (process_read(dir, "status", text, sizeof(text)) < 0 ||
	    !proc_find(text, "Seccomp_filters"))
		return error_set(err, ENOSYS, "before Linux 5.9 nobody counts filters");
	if (!status.filters)
		return error_set(err, ENOENT, "its first process has none");
	if (starter.filters)
		return error_set(err, EPERM, "whoever started it has filters, too");
	return 0;
}

/*
 * Programs in a container share its PID namespace or, where that is the host's, the mount namespace. Those that have made
 * another one for themselves are left alone.
 */
static int find_namespace(int dir, struct mark_filters *ret, struct error *err)
{
	static const char *const names[] = {"ns/pid", "ns/mnt"};
	cleanup_close int self = process_open(getpid());

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct stat ours, theirs;

		if (fstatat(self, names[i], &ours, 0) < 0 || fstatat(dir, names[i], &theirs, 0) < 0)
			return error_set(err, errno, "its namespaces");
		if (ours.st_ino == theirs.st_ino)
			continue;
		ret->namespace = names[i];
		ret->inode = theirs.st_ino;
		return 0;
	}
	return error_set(err, EINVAL, "it has no namespace of its own");
}

int mark_filters_find(const struct mark_target *target, const char *id, int records,
		      struct mark_filters *ret, struct error *err)
{
	cleanup_close int dir = process_open_alive(target->pid, target->start_time);
	struct error why = {0};
	struct search search = {.err = &why};
	struct mark_filters filters = {.count = 1};
	struct process_stat stat;
	int rc = dir < 0 ? dir : process_stat(dir, &stat);

	*ret = (struct mark_filters){0};
	if (rc < 0)
		return error_set(err, -rc, "process %d", target->pid);
	rc = check_first(target->pid, dir, err);
	if (rc == 0)
		rc = find_namespace(dir, &filters, err);
	if (rc < 0)
		return rc;
	search.start = start_of(&stat);
	if (!look_at_record(target, id, records, &search))
		bundle_find(id, &target->pid, 1, look_at_store, &search);
	if (!search.found && !why.code)
		return error_set(err, ENOENT, "its bundle, which has the profile, is not known");
	if (!search.found && err)
		*err = why;
	if (!search.found)
		return -why.code;
	*ret = filters;
	return 0;
}
