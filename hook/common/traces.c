/* SPDX-License-Identifier: Apache-2.0 */
/* What a container leaves behind on the host, and taking it away. */
#include "hook/common/traces.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "hook/common/paths.h"
#include "oci-config/cleanup.h"

int traces_open(const struct ocfg_settings *settings, const char *id, struct traces *ret,
		struct error *err)
{
	struct traces traces = TRACES_NONE;
	int rc;

	if (!ocfg_id_is_valid(id))
		return error_set(err, EINVAL, "container id %.64s is no file name", id);
	traces.records = paths_state_dir(settings, "containers", err);
	traces.merged = traces.records < 0 ? -1 : paths_state_dir(settings, "merged", err);
	rc = traces.records < 0 ? traces.records : traces.merged;
	if (rc < 0) {
		traces_done(&traces);
		return error_wrap(err, "folder of state");
	}
	/* A record that cannot be read is replaced like one that is not there. */
	(void)ocfg_record_load(traces.records, id, &traces.before, NULL);
	*ret = traces;
	return 0;
}

void traces_done(struct traces *traces)
{
	if (traces->records >= 0)
		close(traces->records);
	if (traces->merged >= 0)
		close(traces->merged);
	ocfg_record_done(&traces->before);
	*traces = TRACES_NONE;
}

int traces_prepare_ldso(struct traces *traces, const struct container *c, const char *id,
			const struct rootfs *root, struct error *err)
{
	const struct ldso_options options = {
		.preload_dir = c->preload_dir,
		.target = c->target,
		.merged_dir = traces->merged,
		.id = id,
		.before = traces->before.id ? &traces->before : NULL,
	};

	return ldso_prepare(root, &options, &traces->ldso, err);
}

int traces_save(const struct traces *traces, const struct rootfs *root, struct ocfg_record *record,
		struct error *err)
{
	char path[PATH_MAX];
	const struct ocfg_record *before = &traces->before;
	bool same_start =
		before->bundle && record->bundle && !strcmp(before->bundle, record->bundle);
	int rc;

	if (traces->ldso.made) {
		rc = paths_of_fd(root->fd, path, sizeof(path), err);
		if (rc < 0)
			return rc;
		record->root = path;
		record->made_ld_so_preload = true;
		record->made_dev = traces->ldso.dev;
		record->made_ino = traces->ldso.ino;
	} else if (same_start && before->made_ld_so_preload) {
		record->root = before->root;
		record->made_ld_so_preload = true;
		record->made_dev = before->made_dev;
		record->made_ino = before->made_ino;
	}
	if (same_start && !record->pid_file)
		record->pid_file = before->pid_file;
	rc = ocfg_record_save(traces->records, record, err);
	if (rc < 0 && paths_of_fd(traces->records, path, sizeof(path), NULL) == 0)
		error_wrap(err, "%s", path);
	return rc;
}

void traces_undo_ldso(struct traces *traces, const struct rootfs *root, const char *id)
{
	if (traces->ldso.made)
		(void)ldso_remove(root, traces->ldso.dev, traces->ldso.ino, NULL);
	if (!traces->before.id)
		(void)unlinkat(traces->merged, id, 0);
	traces->ldso = (struct ldso){.made = false};
}

void traces_undo(struct traces *traces, const struct rootfs *root, const char *id)
{
	traces_undo_ldso(traces, root, id);
	if (traces->before.id)
		(void)ocfg_record_save(traces->records, &traces->before, NULL);
	else
		(void)ocfg_record_remove(traces->records, id, NULL);
}

static int remove_mount_point(const struct ocfg_record *record, struct error *err)
{
	struct rootfs root = ROOTFS_NONE;
	int rc;

	if (!record->made_ld_so_preload || !record->root)
		return 0;
	rc = rootfs_open(AT_FDCWD, record->root, &root, err);
	if (rc == -ENOENT)
		return 0;
	if (rc == 0)
		rc = ldso_remove(&root, record->made_dev, record->made_ino, err);
	rootfs_done(&root);
	return rc;
}

int traces_remove(struct traces *traces, const char *id, struct error *err)
{
	int rc = remove_mount_point(&traces->before, err);

	if (unlinkat(traces->merged, id, 0) < 0 && errno != ENOENT && rc == 0)
		rc = error_set(err, errno, "remove merged list %s", id);
	if (rc < 0)
		return rc;
	return ocfg_record_remove(traces->records, id, err);
}
