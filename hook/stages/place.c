/* SPDX-License-Identifier: Apache-2.0 */
/* Placing the shim into a container: looked at in its mount namespace, prepared on the host, mounted there. */
#include "hook/stages/place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "hook/common/proc.h"
#include "oci-config/cleanup.h"
#include "oci-config/mounts.h"

/* The folder above c->target, relative to the root file system: "dev", "run" or "tmp". */
static void tmpfs_name(const struct place *p, char *buf, size_t size)
{
	const char *name = p->c->target + 1;

	snprintf(buf, size, "%.*s", (int)strcspn(name, "/"), name);
}

static bool same_device(const struct stat *st, int dirfd, const char *path)
{
	cleanup_close int fd = rootfs_openat(dirfd, path, O_PATH | O_DIRECTORY, 0, false);
	struct stat other;

	return fd >= 0 && fstat(fd, &other) == 0 && other.st_dev == st->st_dev;
}

/*
 * Is this folder a tmpfs that the runtime has mounted for the container alone? The host must not see it, neither below
 * the root file system nor as one of its own: a folder that is made in it would be made on the host.
 */
static int check_tmpfs(const struct place *p, int fd, int host, const char *name,
		       struct stat *ret_st, struct error *err)
{
	struct statfs fs;
	struct statx stx;

	if (fstat(fd, ret_st) < 0 || fstatfs(fd, &fs) < 0 ||
	    statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx) < 0)
		return error_set(err, errno, "look at /%s of the container", name);
	if (fs.f_type != TMPFS_MAGIC || !(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT) ||
	    same_device(ret_st, p->root.fd, name) || same_device(ret_st, host, "dev") ||
	    same_device(ret_st, host, "run") || same_device(ret_st, host, "tmp") ||
	    same_device(ret_st, host, "dev/shm"))
		return error_set(err, EINVAL, "/%s of the container is no tmpfs of its own", name);
	return 0;
}

/* Is this the shim's folder, mounted by the runtime because config.json says so? */
static bool is_shim(const struct stat *st, const char *preload_dir)
{
	struct stat shim;

	return stat(preload_dir, &shim) == 0 && shim.st_dev == st->st_dev &&
	       shim.st_ino == st->st_ino;
}

/* The mount point for the shim's folder, made in the container's tmpfs. */
static int make_target(struct place *p, int tmpfs, const struct stat *st, struct error *err)
{
	int rc = rootfs_become_owner(st, err);

	if (rc < 0)
		return rc;
	if (mkdirat(tmpfs, OCFG_PLAN_NAME, 0755) < 0 && errno != EEXIST)
		rc = error_set(err, errno, "make %s in the container", p->c->target);
	rootfs_become_self();
	if (rc < 0)
		return rc;
	p->target = rootfs_openat(tmpfs, OCFG_PLAN_NAME, O_PATH | O_DIRECTORY, 0, true);
	if (p->target < 0)
		return error_set(err, -p->target, "open %s in the container", p->c->target);
	return 0;
}

static int find_target(struct place *p, int host, struct error *err)
{
	char name[16];
	struct stat st, there_st;
	cleanup_close int tmpfs = -1, there = -1;
	int rc;

	tmpfs_name(p, name, sizeof(name));
	tmpfs = rootfs_openat(p->inside, name, O_PATH | O_DIRECTORY, 0, false);
	if (tmpfs < 0)
		return error_set(err, -tmpfs, "open /%s of the container", name);
	rc = check_tmpfs(p, tmpfs, host, name, &st, err);
	if (rc < 0)
		return rc;
	there = rootfs_openat(tmpfs, OCFG_PLAN_NAME, O_PATH | O_DIRECTORY, 0, false);
	if (there >= 0 && fstat(there, &there_st) == 0 && is_shim(&there_st, p->c->preload_dir))
		return 0;
	return make_target(p, tmpfs, &st, err);
}

/* In the container's mount namespace: its root file system must be the one that the bundle names. */
static int look_inside(struct place *p, int host, struct error *err)
{
	struct rootfs inside = ROOTFS_NONE;
	cleanup_close int bundle = open(p->state->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (bundle < 0)
		return error_set(err, errno, "open bundle %s in the container's mount namespace",
				 p->state->bundle);
	rc = rootfs_open(bundle, ocfg_spec_root_path(&p->c->spec), &inside, err);
	if (rc < 0)
		return rc;
	p->inside = inside.fd;
	if (inside.dev != p->root.dev || inside.ino != p->root.ino)
		return error_set(err, ESTALE, "find the container's root file system");
	return find_target(p, host, err);
}

static int mount_ldso(struct place *p, struct error *err)
{
	const struct ldso *ldso = &p->traces.ldso;
	struct stat st;
	cleanup_close int file = rootfs_openat(p->inside, OCFG_PLAN_LD_SO_PRELOAD + 1,
					       O_PATH | O_NOFOLLOW, 0, true);

	if (file < 0)
		return error_set(err, -file, "open " OCFG_PLAN_LD_SO_PRELOAD " in the container");
	if (fstat(file, &st) < 0 || st.st_dev != ldso->dev || st.st_ino != ldso->ino)
		return error_set(err, ESTALE, "find " OCFG_PLAN_LD_SO_PRELOAD " in the container");
	return bind_attach(p->ldso_tree, file, err);
}

static int mount_inside(struct place *p, int host, struct error *err)
{
	int rc = 0;

	(void)host;
	if (p->shim_tree >= 0)
		rc = bind_attach(p->shim_tree, p->target, err);
	if (rc == 0 && p->ldso_tree >= 0)
		rc = mount_ldso(p, err);
	return rc;
}

/* Runs `step` in the container's mount namespace, and comes back whatever happens. `host`: the host's root. */
static int in_container(struct place *p, int (*step)(struct place *, int, struct error *),
			struct error *err)
{
	cleanup_close int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc = host < 0 ? error_set(err, errno, "open /") : bind_ns_enter(&p->ns, err);

	if (rc < 0)
		return rc;
	rc = step(p, host, err);
	if (rc < 0) {
		(void)bind_ns_leave(&p->ns, NULL);
		return rc;
	}
	return bind_ns_leave(&p->ns, err);
}

static int clone_trees(struct place *p, struct error *err)
{
	if (p->target >= 0) {
		p->shim_tree = bind_clone(p->c->preload_dir, err);
		if (p->shim_tree < 0)
			return p->shim_tree;
	}
	if (p->traces.ldso.source[0] != '\0') {
		p->ldso_tree = bind_clone(p->traces.ldso.source, err);
		if (p->ldso_tree < 0)
			return p->ldso_tree;
	}
	return 0;
}

static int save_record(struct place *p, struct error *err)
{
	struct proc_stat st = {.start_time = 0};
	const struct container *c = p->c;
	struct ocfg_record record = {
		.id = p->state->id,
		.source = p->traces.before.source ? p->traces.before.source : (char *)"hook",
		.modes = c->decision.modes,
		.reason = (char *)c->decision.reason,
		.bundle = p->state->bundle,
		.shim_target = (char *)c->target,
		.min_size = c->wishes.min_size,
		.pid = p->state->pid,
	};
	int rc = proc_stat_read(p->state->pid, &st, err);

	record.start_time = st.start_time;
	return rc < 0 ? rc : traces_save(&p->traces, &p->root, &record, err);
}

/*
 * The host's part: /etc/ld.so.preload and the record. With the environment edited by precreate or the wrapper, the
 * container can do without them.
 */
static int prepare(struct place *p, bool use_ldso, bool has_env, struct error *err)
{
	struct container *c = p->c;
	int rc = traces_open(&c->settings, p->state->id, &p->traces, err);

	if (rc == 0 && use_ldso)
		rc = traces_prepare_ldso(&p->traces, c, p->state->id, &p->root, err);
	if (rc < 0 && !has_env)
		return rc;
	if (rc < 0)
		container_warn(c, err, TRACES_WITHOUT);
	rc = p->traces.records < 0 ? 0 : save_record(p, err);
	return rc < 0 ? rc : clone_trees(p, err);
}

int place_run(struct place *p, struct error *err)
{
	const struct ocfg_spec *spec = &p->c->spec;
	bool has_env = container_has_env(p->c), use_ldso;
	int rc = rootfs_open(p->bundle, ocfg_spec_root_path(spec), &p->root, err);

	if (rc < 0)
		return rc;
	use_ldso = !ocfg_mounts_covers(spec, OCFG_PLAN_LD_SO_PRELOAD) && ldso_is_glibc(&p->root);
	if (!use_ldso && !has_env)
		return error_set(err, EINVAL,
				 "this image has no glibc with an /etc/ld.so.preload of its own, so a hook "
				 "cannot reach its programs; use the precreate hook (podman) or "
				 "oci-ksm-runtime");
	rc = bind_ns_open(p->state->pid, &p->ns, err);
	if (rc == 0)
		rc = in_container(p, look_inside, err);
	if (rc == 0)
		rc = prepare(p, use_ldso, has_env, err);
	if (rc == 0)
		rc = in_container(p, mount_inside, err);
	if (rc < 0 && p->traces.records >= 0)
		(void)traces_undo(&p->traces, &p->root, p->state->id);
	return rc;
}

void place_done(struct place *p)
{
	const int fds[] = {p->bundle, p->inside, p->target, p->shim_tree, p->ldso_tree};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	rootfs_done(&p->root);
	traces_done(&p->traces);
	bind_ns_done(&p->ns);
}
