/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Placing the shim into a container: looked at in its mount namespace, prepared on the host,
 * mounted there.
 */
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

#include "hook/common/claim.h"
#include "hook/common/proc.h"
#include "oci-config/cleanup.h"
#include "oci-config/mounts.h"

/* The folder above c->target, relative to the root file system: "dev", "run" or "tmp". */
static void tmpfs_name(const struct place *p, char *buf, size_t size)
{
	const char *name = p->c->target + 1;

	snprintf(buf, size, "%.*s", (int)strcspn(name, "/"), name);
}

/*
 * Is this folder a tmpfs that is mounted just there? Whether it is the container's own shows on the
 * host.
 */
static int check_tmpfs(int fd, const char *name, struct stat *ret_st, struct error *err)
{
	struct statfs fs;
	struct statx stx;

	if (fstat(fd, ret_st) < 0 || fstatfs(fd, &fs) < 0 ||
	    statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx) < 0)
		return error_set(err, errno, "look at /%s of the container", name);
	if (fs.f_type != TMPFS_MAGIC || !(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
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

static int find_tmpfs(struct place *p, struct error *err)
{
	char name[16];
	struct stat st;
	cleanup_close int there = -1;
	int rc;

	tmpfs_name(p, name, sizeof(name));
	p->tmpfs = rootfs_openat(p->inside, name, O_PATH | O_DIRECTORY, 0, false);
	if (p->tmpfs < 0)
		return error_set(err, -p->tmpfs, "open /%s of the container", name);
	rc = check_tmpfs(p->tmpfs, name, &p->tmpfs_st, err);
	if (rc < 0)
		return rc;
	there = rootfs_openat(p->tmpfs, OCFG_PLAN_NAME, O_PATH | O_DIRECTORY, 0, false);
	p->is_there = there >= 0 && fstat(there, &st) == 0 && is_shim(&st, p->c->preload_dir);
	return 0;
}

/*
 * In the container's mount namespace: its root file system must be the one that the bundle names.
 */
static int look_inside(struct place *p, struct error *err)
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
	return find_tmpfs(p, err);
}

static int mount_ldso(struct place *p, struct error *err)
{
	const struct ldso *ldso = &p->traces.ldso;
	struct stat st;
	cleanup_close int file =
		rootfs_openat(p->inside, &OCFG_PLAN_LD_SO_PRELOAD[1], O_PATH | O_NOFOLLOW, 0, true);

	if (file < 0)
		return error_set(err, -file, "open " OCFG_PLAN_LD_SO_PRELOAD " in the container");
	if (fstat(file, &st) < 0 || st.st_dev != ldso->dev || st.st_ino != ldso->ino)
		return error_set(err, ESTALE, "find " OCFG_PLAN_LD_SO_PRELOAD " in the container");
	return bind_attach(p->ldso_tree, file, err);
}

/* The mount point for the shim's folder is made in the container's tmpfs, as the owner of that. */
static int mount_shim(struct place *p, struct error *err)
{
	cleanup_close int target = -1;
	int rc = rootfs_become_owner(&p->tmpfs_st, err);

	if (rc < 0)
		return rc;
	if (mkdirat(p->tmpfs, OCFG_PLAN_NAME, 0755) < 0 && errno != EEXIST)
		rc = error_set(err, errno, "make %s in the container", p->c->target);
	rootfs_become_self();
	if (rc < 0)
		return rc;
	target = rootfs_openat(p->tmpfs, OCFG_PLAN_NAME, O_PATH | O_DIRECTORY, 0, true);
	if (target < 0)
		return error_set(err, -target, "open %s in the container", p->c->target);
	return bind_attach(p->shim_tree, target, err);
}

static int mount_inside(struct place *p, struct error *err)
{
	int rc = 0;

	if (p->shim_tree >= 0)
		rc = mount_shim(p, err);
	if (rc == 0 && p->ldso_tree >= 0)
		rc = mount_ldso(p, err);
	return rc;
}

/* Runs `step` in the container's mount namespace, and comes back whatever happens. */
static int in_container(struct place *p, int (*step)(struct place *, struct error *),
			struct error *err)
{
	int rc = bind_ns_enter(&p->ns, err);

	if (rc < 0)
		return rc;
	rc = step(p, err);
	if (bind_ns_leave(&p->ns, rc < 0 ? NULL : err) < 0)
		return -EPERM;
	return rc;
}

static int clone_trees(struct place *p, struct error *err)
{
	if (!p->is_there) {
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

/*
 * A tmpfs that the host sees somewhere as well is not the container's own, whatever config.json
 * says: a folder that is made in it would be made on the host. And where a tmpfs is that only the
 * container sees, there is its root.
 */
static int check_tmpfs_is_its_own(const struct place *p, struct error *err)
{
	int rc = bind_is_mounted(p->tmpfs_st.st_dev, err);

	if (rc == 1)
		return error_set(err, EINVAL, "the folder for %s is a tmpfs of the host",
				 p->c->target);
	return rc;
}

static int save_record(struct place *p, uint64_t start_time, struct error *err)
{
	struct ocfg_record record = {
		.id = p->state->id,
		.source = p->traces.before.source ? p->traces.before.source : (char *)"hook",
		.bundle = p->state->bundle,
		.pid = p->state->pid,
		.start_time = start_time,
	};

	claim_fill(p->c, &record);
	return traces_save(&p->traces, &p->root, &record, err);
}

/* What is needed on the host: /etc/ld.so.preload, the record, and what is to be mounted. */
static int prepare(struct place *p, bool use_ldso, uint64_t start_time, struct error *err)
{
	int rc = 0;

	if (use_ldso)
		rc = traces_prepare_ldso(&p->traces, p->c, p->state->id, &p->root, err);
	if (rc < 0 && p->is_reached) {
		container_warn(p->c, err, TRACES_NO_LDSO);
		rc = 0;
	}
	if (rc == 0)
		rc = save_record(p, start_time, err);
	return rc < 0 ? rc : clone_trees(p, err);
}

/* What that stage could not do because of another domain may be possible by now. */
bool place_is_done(const struct place *p, uint64_t start_time)
{
	const struct ocfg_record *before = &p->traces.before;

	return before->id && before->pid == p->state->pid && before->start_time == start_time &&
	       (before->modes || !p->c->decision.modes);
}

/* Opens the traces. 1: an earlier stage has done all for this process, and told it; 0: it is still to be done. */
static int open_traces(struct place *p, uint64_t *ret_start_time, struct error *err)
{
	struct proc_stat init;
	int rc = proc_stat_read(p->state->pid, &init, err);

	if (rc == 0 && p->traces.records < 0)
		rc = traces_open(&p->c->settings, p->state->id, &p->traces, err);
	if (rc < 0)
		return rc;
	*ret_start_time = init.start_time;
	if (!place_is_done(p, init.start_time))
		return 0;
	p->c->done_before = true;
	return 1;
}

/* Without a shim: config.json has all that is needed. */
static int place_nothing(struct place *p, struct error *err)
{
	uint64_t start_time;
	int rc = open_traces(p, &start_time, err);

	return rc == 0 ? save_record(p, start_time, err) : rc;
}

static int place(struct place *p, struct error *err)
{
	const struct ocfg_spec *spec = &p->c->spec;
	uint64_t start_time;
	bool use_ldso;
	int rc = rootfs_open(p->bundle, ocfg_spec_root_path(spec), &p->root, err);

	if (rc < 0)
		return rc;
	use_ldso = !ocfg_mounts_covers(spec, OCFG_PLAN_LD_SO_PRELOAD) && ldso_is_glibc(&p->root);
	if (!use_ldso && !p->is_reached)
		return error_set(
			err, EINVAL,
			"this image has no glibc with an /etc/ld.so.preload of its own, so a hook "
			"cannot reach its programs; use the precreate hook (podman) or "
			"oci-ksm-runtime");
	rc = bind_ns_open(p->state->pid, &p->ns, err);
	if (rc == 0)
		rc = open_traces(p, &start_time, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = in_container(p, look_inside, err);
	if (rc == 0)
		rc = check_tmpfs_is_its_own(p, err);
	if (rc == 0)
		rc = prepare(p, use_ldso, start_time, err);
	if (rc == 0)
		rc = in_container(p, mount_inside, err);
	if (rc < 0 && p->is_claimed)
		traces_undo_ldso(&p->traces, &p->root, p->state->id);
	else if (rc < 0)
		traces_undo(&p->traces, &p->root, p->state->id);
	return rc;
}

/* The container's other modes do without it, and the record is theirs. */
static void go_on_without_shim(struct place *p, const struct error *why)
{
	struct error err = {0};

	(void)container_lose(p->c, OCFG_MODE_PRELOAD, why, &err);
	p->c->target = NULL;
	if (place_nothing(p, &err) < 0)
		container_warn(p->c, &err, TRACES_NOT_SHOWN);
}

int place_run(struct place *p, struct error *err)
{
	struct container *c = p->c;
	int rc;

	if (!c->target) {
		if (place_nothing(p, err) < 0)
			container_warn(c, err, TRACES_NOT_SHOWN);
		return 0;
	}
	p->is_reached =
		container_has_env(c) && ocfg_mounts_has(&c->spec, c->preload_dir, c->target);
	rc = place(p, err);
	if (rc == 0)
		return 0;
	if (p->is_reached)
		container_warn(c, err, TRACES_NO_RECORD);
	else if (!c->required && c->decision.modes & ~(unsigned)OCFG_MODE_PRELOAD)
		go_on_without_shim(p, err);
	else
		return rc;
	return 0;
}

void place_done(struct place *p)
{
	const int fds[] = {p->bundle, p->inside, p->tmpfs, p->shim_tree, p->ldso_tree};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	rootfs_done(&p->root);
	traces_done(&p->traces);
	bind_ns_done(&p->ns);
}
