/* SPDX-License-Identifier: Apache-2.0 */
/* Whom the profit guard looks at. */
#include "hook/notify/steward/guarded.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook/common/proc.h"
#include "hook/notify/steward/switching.h"
#include "oci-config/cleanup.h"

struct reload {
	const struct steward *steward;
	const struct guarded_list *old;
	struct switched *switched; /* all, by ID */
	size_t switched_count;
	struct guarded_list new;
	uint64_t scans;
	bool all;
};

static int compare(const void *a, const void *b)
{
	const struct guarded *left = a, *right = b;

	return strcmp(left->who.id, right->who.id);
}

static const struct guarded *find_old(const struct reload *reload, const char *id)
{
	const struct guarded key = {.who.id = (char *)id};

	return reload->old->count
		       ? bsearch(&key, reload->old->list, reload->old->count, sizeof(key), compare)
		       : NULL;
}

static int compare_switched(const void *a, const void *b)
{
	const struct switched *left = a, *right = b;

	return strcmp(left->id, right->id);
}

static const struct switched *find_switched(const struct reload *reload, const char *id)
{
	const struct switched key = {.id = (char *)id};

	return reload->switched_count ? bsearch(&key, reload->switched, reload->switched_count,
						sizeof(key), compare_switched)
				      : NULL;
}

static bool copy_who(struct switched *to, const struct switched *from)
{
	*to = (struct switched){.cgroup_inode = from->cgroup_inode,
				.pid = from->pid,
				.start_time = from->start_time,
				.alone = from->alone};
	to->id = strdup(from->id);
	to->cgroup = from->cgroup ? strdup(from->cgroup) : NULL;
	if (to->id && (to->cgroup || !from->cgroup))
		return true;
	switched_done(to);
	return false;
}

/* `one` is taken over, or freed. */
static int add(struct reload *reload, struct guarded *one)
{
	struct guarded_list *new = &reload->new;
	const struct guarded *old = find_old(reload, one->who.id);
	struct guarded *grown = reallocarray(new->list, new->count + 1, sizeof(*grown));

	if (!grown) {
		switched_done(&one->who);
		return -ENOMEM;
	}
	new->list = grown;
	if (old && old->who.pid == one->who.pid && old->who.start_time == one->who.start_time) {
		one->told = old->told;
		if (old->before.merging == one->before.merging) {
			one->before.scans = old->before.scans;
			one->on_trial = old->on_trial;
			one->tried_at = old->tried_at;
			one->pause = old->pause;
		}
	}
	grown[new->count++] = *one;
	return 0;
}

static int add_switched(struct reload *reload, const struct switched *switched)
{
	bool by_guard = switched->by && strcmp(switched->by, SWITCHING_GUARD) == 0;
	struct guarded one = {
		.before = {.merging = switched->merging,
			   .scans = reload->scans,
			   .retry_at = switched->retry_at},
	};

	/* What somebody else has switched off stays so. */
	if ((!switched->merging && !by_guard) || (switched->merging && !reload->all))
		return 0;
	if (!by_guard)
		one.left_on = "somebody has switched it on";
	if (!switched->merging && switched->retry_at > switched->since)
		one.pause = switched->retry_at - switched->since;
	if (!copy_who(&one.who, switched))
		return -ENOMEM;
	return add(reload, &one);
}

static int add_record(struct reload *reload, const struct ocfg_record *record)
{
	const struct guarded *old = find_old(reload, record->id);
	struct guarded one = {
		.before = {.merging = true, .scans = reload->scans},
		.left_on = record->required ? "it requires merging" : NULL,
	};

	if (record->modes == 0 || find_switched(reload, record->id))
		return 0;
	if (old && (record->pid == 0 || record->pid == old->who.pid) &&
	    proc_is_running(old->who.pid, old->who.start_time)) {
		if (!copy_who(&one.who, &old->who))
			return -ENOMEM;
	} else if (switching_find(record, &one.who, NULL) < 0) {
		reload->new.incomplete = true;
		return 0;
	}
	return add(reload, &one);
}

static int add_records(struct reload *reload)
{
	cleanup_close int fd =
		openat(reload->steward->containers, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int rc = 0;

	if (!stream)
		return -errno;
	(void)steal_fd(&fd);
	while (rc == 0 && (entry = readdir(stream))) {
		char id[OCFG_ID_MAX + 1];
		struct ocfg_record record;

		if (!ocfg_id_of_file(entry->d_name, id) ||
		    ocfg_record_load(reload->steward->containers, id, &record, NULL) < 0)
			continue;
		rc = add_record(reload, &record);
		ocfg_record_done(&record);
	}
	return rc;
}

static void free_list(struct guarded_list *guarded)
{
	for (size_t i = 0; i < guarded->count; i++)
		switched_done(&guarded->list[i].who);
	free(guarded->list);
	*guarded = (struct guarded_list){0};
}

int guarded_reload(struct guarded_list *guarded, const struct steward *steward, bool all,
		   uint64_t scans, struct error *err)
{
	struct reload reload = {.steward = steward, .old = guarded, .scans = scans, .all = all};
	int rc = switched_list(steward->switched, &reload.switched, &reload.switched_count, err);

	for (size_t i = 0; rc == 0 && i < reload.switched_count; i++)
		rc = add_switched(&reload, &reload.switched[i]);
	if (rc == 0 && all)
		rc = add_records(&reload);
	switched_list_free(reload.switched, reload.switched_count);
	if (rc < 0) {
		free_list(&reload.new);
		return error_set(err, -rc, "list of containers");
	}
	if (reload.new.count)
		qsort(reload.new.list, reload.new.count, sizeof(struct guarded), compare);
	free_list(guarded);
	*guarded = reload.new;
	return 0;
}
