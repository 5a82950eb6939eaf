/* SPDX-License-Identifier: Apache-2.0 */
/* What was switched on or off while it runs. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hook/common/proc.h"
#include "hook/common/switched.h"
#include "oci-config/file.h"
#include "oci-config/json.h"
#include "oci-config/state.h"

#define VERSION	  1
#define FILE_SIZE (64u << 10)
#define SUFFIX	  ".json"
#define NAME_SIZE (OCFG_ID_MAX + sizeof(SUFFIX))

static int file_name(const char *id, char *buf, struct error *err)
{
	if (!id || !ocfg_id_is_valid(id))
		return error_set(err, EINVAL, "\"%.64s\" is no file name", id ? id : "");
	snprintf(buf, NAME_SIZE, "%s" SUFFIX, id);
	return 0;
}

static bool has_processes(int folder)
{
	cleanup_close int procs = openat(folder, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	cleanup_close int events = -1;
	char text[4096];
	ssize_t len;

	if (procs >= 0 && read(procs, text, 1) > 0)
		return true;
	/* They may be in cgroups below; v1 has no such file, and does not tell. */
	events = openat(folder, "cgroup.events", O_RDONLY | O_CLOEXEC);
	len = events < 0 ? -1 : ocfg_file_read_full(events, text, sizeof(text) - 1);
	if (len < 0)
		return false;
	text[len] = '\0';
	return strstr(text, "populated 1") != NULL;
}

bool switched_is_begun(const struct switched *switched)
{
	return switched->reason && strcmp(switched->reason, SWITCHED_BEGUN) == 0 &&
	       (uint64_t)time(NULL) < switched->since + SWITCHED_BEGUN_MAX;
}

bool switched_is_alive(const struct switched *switched)
{
	cleanup_close int folder = -1;
	struct stat st;

	if (switched->pid > 0 && proc_is_running(switched->pid, switched->start_time))
		return true;
	if (!switched->cgroup || !switched->cgroup_inode)
		return false;
	folder = open(switched->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder >= 0 && fstat(folder, &st) == 0 && st.st_ino == switched->cgroup_inode &&
	       has_processes(folder);
}

/* A description of its own, as flock needs; of whoever is there: no file remains. */
static int lock(int dirfd, int how)
{
	cleanup_close int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return -errno;
	do
		rc = flock(fd, how);
	while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : steal_fd(&fd);
}

int switched_lock(int dirfd, struct error *err)
{
	int fd = lock(dirfd, LOCK_EX);

	return fd < 0 ? error_set(err, -fd, "lock the folder " SWITCHED_DIR) : fd;
}

int switched_try_lock(int dirfd, struct error *err)
{
	int fd = lock(dirfd, LOCK_EX | LOCK_NB);

	return fd < 0 ? error_set(err, -fd, "lock the folder " SWITCHED_DIR) : fd;
}

static int add_text(json_object *doc, const char *key, const char *text, struct error *err)
{
	return text ? ocfg_json_add(doc, key, json_object_new_string(text), err) : 0;
}

static int add_number(json_object *doc, const char *key, uint64_t number, struct error *err)
{
	return ocfg_json_add(doc, key, json_object_new_uint64(number), err);
}

static int add_bool(json_object *doc, const char *key, bool flag, struct error *err)
{
	return ocfg_json_add(doc, key, json_object_new_boolean(flag), err);
}

static int fill(json_object *doc, const struct switched *switched, struct error *err)
{
	int rc = add_number(doc, "version", VERSION, err);

	if (rc == 0)
		rc = add_text(doc, "id", switched->id, err);
	if (rc == 0)
		rc = add_text(doc, "cgroup", switched->cgroup, err);
	if (rc == 0 && switched->cgroup_inode)
		rc = add_number(doc, "cgroup_inode", switched->cgroup_inode, err);
	if (rc == 0)
		rc = add_number(doc, "pid", (uint64_t)switched->pid, err);
	if (rc == 0)
		rc = add_number(doc, "start_time", switched->start_time, err);
	if (rc == 0 && switched->alone)
		rc = add_bool(doc, "alone", true, err);
	if (rc == 0)
		rc = add_bool(doc, "merging", switched->merging, err);
	if (rc == 0)
		rc = add_text(doc, "by", switched->by, err);
	if (rc == 0)
		rc = add_text(doc, "reason", switched->reason, err);
	if (rc == 0)
		rc = add_number(doc, "since", switched->since, err);
	if (rc == 0)
		rc = add_number(doc, "retry_at", switched->retry_at, err);
	return rc;
}

int switched_save(int dirfd, const struct switched *switched, struct error *err)
{
	cleanup_json json_object *doc = NULL;
	char name[NAME_SIZE];
	const char *text;
	size_t len;
	int rc = file_name(switched->id, name, err);

	if (rc < 0)
		return rc;
	if (switched->pid < 0)
		return error_set(err, EINVAL, "%s: pid %d", name, (int)switched->pid);
	doc = json_object_new_object();
	if (!doc)
		return error_set(err, ENOMEM, "%s", name);
	rc = fill(doc, switched, err);
	if (rc == 0)
		rc = ocfg_json_print(doc, &text, &len, err);
	return rc != 0 ? rc : ocfg_file_publish(dirfd, name, text, len, err);
}

static int take_text(json_object *doc, const char *key, char **ret, struct error *err)
{
	const char *value = NULL;
	int rc = ocfg_json_get_string(doc, key, &value, err);

	if (rc < 0 || !value)
		return rc;
	*ret = strdup(value);
	return *ret ? 0 : error_set(err, ENOMEM, "%s", key);
}

static int take_texts(json_object *doc, struct switched *ret, struct error *err)
{
	int rc = take_text(doc, "id", &ret->id, err);

	if (rc == 0)
		rc = take_text(doc, "cgroup", &ret->cgroup, err);
	if (rc == 0)
		rc = take_text(doc, "by", &ret->by, err);
	if (rc == 0)
		rc = take_text(doc, "reason", &ret->reason, err);
	return rc;
}

static int take(json_object *doc, struct switched *ret, struct error *err)
{
	uint64_t version = 0, pid = 0;
	int rc = ocfg_json_get_uint64(doc, "version", &version, err);

	if (rc == 0 && version != VERSION)
		rc = error_set(err, EPROTO, "version: not %d", VERSION);
	if (rc == 0)
		rc = take_texts(doc, ret, err);
	if (rc == 0)
		rc = ocfg_json_get_uint64(doc, "cgroup_inode", &ret->cgroup_inode, err);
	if (rc == 0)
		rc = ocfg_json_get_uint64(doc, "pid", &pid, err);
	if (rc == 0 && pid > INT_MAX)
		rc = error_set(err, EINVAL, "pid: too large");
	if (rc == 0)
		rc = ocfg_json_get_uint64(doc, "start_time", &ret->start_time, err);
	if (rc == 0)
		rc = ocfg_json_get_bool(doc, "alone", &ret->alone, err);
	if (rc == 0)
		rc = ocfg_json_get_bool(doc, "merging", &ret->merging, err);
	if (rc == 0)
		rc = ocfg_json_get_uint64(doc, "since", &ret->since, err);
	if (rc == 0)
		rc = ocfg_json_get_uint64(doc, "retry_at", &ret->retry_at, err);
	ret->pid = (pid_t)pid;
	return rc;
}

/* As it stands in the file, whether or not it is of a container that runs. */
static int read_one(int dirfd, const char *id, struct switched *ret, struct error *err)
{
	cleanup_json json_object *doc = NULL;
	cleanup_free char *text = NULL;
	struct switched switched = {0};
	char name[NAME_SIZE];
	size_t len;
	int rc = file_name(id, name, err);

	if (rc == 0)
		rc = ocfg_file_read(dirfd, name, FILE_SIZE, &text, &len, err);
	if (rc != 0)
		return rc;
	rc = ocfg_json_parse(text, len, &doc, err);
	if (rc == 0)
		rc = ocfg_json_expect(doc, json_type_object, "document", err);
	if (rc == 0)
		rc = take(doc, &switched, err);
	if (rc == 0 && (!switched.id || strcmp(switched.id, id) != 0))
		rc = error_set(err, EINVAL, "id: not the file's");
	if (rc < 0) {
		switched_done(&switched);
		return error_wrap(err, SWITCHED_DIR "/%s", name);
	}
	*ret = switched;
	return 0;
}

/* Only if nobody is about to put another one in its place; whoever meets it next tries again. */
static void prune(int dirfd, const char *id)
{
	cleanup_close int held = lock(dirfd, LOCK_EX | LOCK_NB);
	struct switched switched = {0};

	if (held < 0 || read_one(dirfd, id, &switched, NULL) < 0)
		return;
	if (!switched_is_alive(&switched))
		(void)switched_remove(dirfd, id, NULL);
	switched_done(&switched);
}

int switched_load(int dirfd, const char *id, struct switched *ret, struct error *err)
{
	struct switched switched = {0};
	int rc = read_one(dirfd, id, &switched, err);

	if (rc < 0)
		return rc;
	if (!switched_is_alive(&switched)) {
		switched_done(&switched);
		prune(dirfd, id);
		return error_set(err, ENOENT, "%s", id);
	}
	*ret = switched;
	return 0;
}

int switched_remove(int dirfd, const char *id, struct error *err)
{
	char name[NAME_SIZE];
	int rc = file_name(id, name, err);

	if (rc == 0 && unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		rc = error_set(err, errno, "remove " SWITCHED_DIR "/%s", name);
	return rc;
}

static int compare(const void *a, const void *b)
{
	const struct switched *left = a, *right = b;

	return strcmp(left->id, right->id);
}

static int list_one(int dirfd, const char *name, struct switched **list, size_t *count)
{
	struct switched switched = {0}, *grown;
	char id[OCFG_ID_MAX + 1];

	if (!ocfg_id_of_file(name, id) || switched_load(dirfd, id, &switched, NULL) < 0)
		return 0;
	grown = reallocarray(*list, *count + 1, sizeof(*grown));
	if (!grown) {
		switched_done(&switched);
		return -ENOMEM;
	}
	*list = grown;
	grown[(*count)++] = switched;
	return 0;
}

int switched_list(int dirfd, struct switched **ret, size_t *ret_count, struct error *err)
{
	cleanup_close int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct switched *list = NULL;
	const struct dirent *entry;
	size_t count = 0;
	int rc = 0;

	if (!stream)
		return error_set(err, errno, "open the folder " SWITCHED_DIR);
	(void)steal_fd(&fd);
	while (rc == 0 && (entry = readdir(stream)))
		rc = list_one(dirfd, entry->d_name, &list, &count);
	if (rc < 0) {
		switched_list_free(list, count);
		return error_set(err, -rc, "read the folder " SWITCHED_DIR);
	}
	if (count)
		qsort(list, count, sizeof(*list), compare);
	*ret = list;
	*ret_count = count;
	return 0;
}

void switched_done(struct switched *switched)
{
	free(switched->id);
	free(switched->cgroup);
	free(switched->by);
	free(switched->reason);
	*switched = (struct switched){0};
}

void switched_list_free(struct switched *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		switched_done(&list[i]);
	free(list);
}
