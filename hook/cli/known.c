/* SPDX-License-Identifier: Apache-2.0 */
/* The containers and runs that have records, and those that were switched on without one, with their processes. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hook/cli/cli.h"
#include "hook/cli/known.h"
#include "hook/cli/records.h"
#include "hook/common/alive.h"
#include "hook/common/cgroup_procs.h"
#include "hook/common/paths.h"
#include "oci-config/cleanup.h"

static int no_memory(struct error *err)
{
	return error_set(err, ENOMEM, "list of containers");
}

static int compare_records(const void *a, const void *b)
{
	const struct ocfg_record *left = a, *right = b;

	return strcmp(left->id, right->id);
}

static struct ocfg_record *find_record(const struct known *known, size_t count, const char *id)
{
	const struct ocfg_record key = {.id = (char *)(uintptr_t)id};

	return count ? bsearch(&key, known->records, count, sizeof(key), compare_records) : NULL;
}

/* A record with nothing but the ID for each that has none; sorted again. */
static int add_recordless(struct known *known, const struct switched *list, size_t count,
			  struct error *err)
{
	size_t recorded = known->count;
	struct ocfg_record *grown =
		reallocarray(known->records, recorded + count + 1, sizeof(*grown));

	if (!grown)
		return no_memory(err);
	known->records = grown;
	for (size_t i = 0; i < count; i++) {
		if (find_record(known, recorded, list[i].id))
			continue;
		grown[known->count] = (struct ocfg_record){.id = strdup(list[i].id)};
		if (!grown[known->count].id)
			return no_memory(err);
		known->count++;
	}
	if (known->count)
		qsort(grown, known->count, sizeof(*grown), compare_records);
	return 0;
}

/* Takes what is in the list. */
static int add_switched(struct known *known, struct switched *list, size_t count, struct error *err)
{
	int rc = add_recordless(known, list, count, err);

	if (rc < 0)
		return rc;
	known->switched = calloc(known->count + 1, sizeof(*known->switched));
	if (!known->switched)
		return no_memory(err);
	for (size_t i = 0; i < count; i++) {
		size_t at = (size_t)(find_record(known, known->count, list[i].id) - known->records);

		known->switched[at] = list[i];
		list[i] = (struct switched){0};
	}
	return 0;
}

static int load_switched(struct known *known, int state, struct error *err)
{
	cleanup_close int dir = openat(state, SWITCHED_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct switched *list = NULL;
	size_t count = 0;
	int rc = dir < 0 ? 0 : switched_list(dir, &list, &count, err);

	if (rc == 0)
		rc = add_switched(known, list, count, err);
	switched_list_free(list, count);
	return rc;
}

static bool is_recordless(const struct known *known, size_t index)
{
	const struct ocfg_record *record = &known->records[index];

	return known->switched[index].id && record->pid <= 0 && !record->source;
}

static int compare_hints(const void *a, const void *b)
{
	const struct known_hint *left = a, *right = b;

	return strcmp(left->id, right->id);
}

static pid_t hint_of(const struct ocfg_record *record, const struct known_hint *hints, size_t count)
{
	const struct known_hint key = {.id = record->id}, *found = NULL;

	if (count)
		found = bsearch(&key, hints, count, sizeof(key), compare_hints);
	return found ? found->pid : alive_pid_file(record);
}

static struct cgroup_container container_of(const struct known *known, size_t index)
{
	const struct ocfg_record *record = &known->records[index];
	const struct switched *switched = &known->switched[index];

	if (is_recordless(known, index))
		return (struct cgroup_container){
			.id = record->id,
			.pid = switched->pid,
			.start_time = switched->start_time,
			.folder = switched->cgroup,
			.has_no_cgroup = !switched->cgroup,
			.is_one_process = switched->alone,
		};
	return (struct cgroup_container){
		.id = record->id,
		.pid = record->pid,
		.start_time = record->start_time,
		.has_no_cgroup = record->source && strcmp(record->source, "run") == 0,
	};
}

static int compare_pids(const void *a, const void *b)
{
	const pid_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/* Removes those that are in `taken` from the container, and adds the others to it. */
static int claim(struct cgroup_container *container, pid_t **taken, size_t *count)
{
	size_t kept = 0, before = *count;

	for (size_t i = 0; i < container->count; i++) {
		pid_t pid = container->pids[i];

		if (before && bsearch(&pid, *taken, before, sizeof(pid), compare_pids))
			continue;
		container->pids[kept++] = pid;
		if (cgroup_pids_add(taken, count, pid) < 0)
			return -ENOMEM;
	}
	container->count = kept;
	if (*count)
		qsort(*taken, *count, sizeof(**taken), compare_pids);
	return 0;
}

/* Anything can be switched: a cgroup that has containers below, or a process in one. */
static int settle_claims(struct known *known, struct error *err)
{
	cleanup_free pid_t *taken = NULL;
	size_t count = 0, recordless = 0;
	int rc = 0;

	for (size_t i = 0; i < known->count; i++)
		recordless += is_recordless(known, i);
	for (int pass = 0; recordless && pass < 2; pass++)
		for (size_t i = 0; rc == 0 && i < known->count; i++)
			if (is_recordless(known, i) == (pass == 1))
				rc = claim(&known->containers[i], &taken, &count);
	return rc < 0 ? no_memory(err) : 0;
}

static int find_processes(struct known *known, const struct known_hint *hints, size_t count,
			  struct error *err)
{
	int rc;

	known->containers = calloc(known->count, sizeof(*known->containers));
	if (!known->containers)
		return no_memory(err);
	for (size_t i = 0; i < known->count; i++) {
		struct cgroup_container container = container_of(known, i);

		if (container.pid <= 0)
			container.hint = hint_of(&known->records[i], hints, count);
		known->containers[i] = container;
	}
	rc = cgroup_containers_find(known->containers, known->count, err);
	return rc < 0 ? rc : settle_claims(known, err);
}

int known_load(struct known *ret, struct error *err)
{
	return known_load_again(NULL, 0, ret, err);
}

int known_load_again(const struct known_hint *hints, size_t count, struct known *ret,
		     struct error *err)
{
	cleanup_close int state = -1, dir = -1;
	struct ocfg_settings settings;
	struct known known = {0};
	int rc;

	cli_settings(&settings);
	state = paths_state_dir(&settings, "", err);
	if (state >= 0)
		dir = paths_state_dir(&settings, "containers", err);
	ocfg_settings_done(&settings);
	/* No place for one (no /run/user/UID in cron, after su): then there are no records. */
	if (state == -ENOENT) {
		*ret = known;
		return 0;
	}
	if (dir < 0)
		return state < 0 ? state : dir;
	rc = records_load(dir, &known.records, &known.count, err);
	if (rc == 0)
		rc = load_switched(&known, state, err);
	if (rc == 0 && known.count)
		rc = find_processes(&known, hints, count, err);
	if (rc < 0)
		known_done(&known);
	else
		*ret = known;
	return rc;
}

void known_done(struct known *known)
{
	if (known->containers)
		cgroup_containers_done(known->containers, known->count);
	free(known->containers);
	if (known->switched)
		switched_list_free(known->switched, known->count);
	records_free(known->records, known->count);
	*known = (struct known){0};
}
