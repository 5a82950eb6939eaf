/* SPDX-License-Identifier: Apache-2.0 */
/* The trust domain that merges now: found in records and in what was switched, kept in a file. */
#include "hook/common/domain.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "hook/common/alive.h"
#include "hook/common/cgroup.h"
#include "hook/common/paths.h"
#include "oci-config/cleanup.h"
#include "oci-config/file.h"

/*
 * The domain of all that merge; there is none if that is "": where domains are not used, nothing else has to be read.
 */
#define ACTIVE_FILE "domain"
#define LOCK_MS	    5000
#define LOCK_STEP   2

/* The folder of state itself, as nobody else locks that. Who holds it does so for moments, but may have been stopped in them. */
static int lock(int fd, struct error *err)
{
	const struct timespec step = {.tv_nsec = LOCK_STEP * 1000000L};

	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += LOCK_STEP) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set(err, errno, "lock the folder of state");
		if (waited >= LOCK_MS)
			return error_set(err, EAGAIN,
					 "another program has held the folder of state for %d s",
					 LOCK_MS / 1000);
		nanosleep(&step, NULL);
	}
	return 0;
}

int domain_begin(const struct ocfg_settings *settings, struct domain_guard *ret, struct error *err)
{
	struct domain_guard guard = {-1, -1, -1};
	int rc = guard.state = paths_state_dir(settings, "", err);

	if (rc >= 0)
		rc = guard.records = paths_state_dir(settings, "containers", err);
	if (rc >= 0)
		rc = lock(guard.state, err);
	if (rc < 0) {
		domain_end(&guard);
		return rc;
	}
	guard.switched = openat(guard.state, SWITCHED_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*ret = guard;
	return 0;
}

void domain_end(struct domain_guard *guard)
{
	const int fds[] = {guard->switched, guard->records, guard->state};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	*guard = (struct domain_guard){-1, -1, -1};
}

/* What is looked for, and found. */
struct search {
	const struct domain_guard *guard;
	const char *id, *domain; /* all but this one and those of this domain; NULL: all */
	struct switched *switched;
	size_t switched_count;
	/* Records that merge if there are processes in their cgroups: one look for all. */
	struct ocfg_record *pending;
	size_t pending_count;
	struct domain_holder found;
};

static const struct switched *switched_of(const struct search *s, const char *id)
{
	for (size_t i = 0; i < s->switched_count; i++)
		if (strcmp(s->switched[i].id, id) == 0)
			return &s->switched[i];
	return NULL;
}

static void add(struct search *s, const char *id, const char *domain)
{
	if (s->found.count++ > 0)
		return;
	snprintf(s->found.id, sizeof(s->found.id), "%s", id);
	snprintf(s->found.domain, sizeof(s->found.domain), "%s", domain);
}

static bool is_meant(const struct search *s, const char *id, const char *domain)
{
	return !(s->id && strcmp(id, s->id) == 0) && !(s->domain && strcmp(domain, s->domain) == 0);
}

/* Takes the record over. */
static int put_off(struct search *s, struct ocfg_record *record)
{
	struct ocfg_record *grown =
		reallocarray(s->pending, s->pending_count + 1, sizeof(*s->pending));

	if (!grown)
		return -ENOMEM;
	s->pending = grown;
	grown[s->pending_count++] = *record;
	*record = (struct ocfg_record){0};
	return 0;
}

static const char *domain_in(const struct ocfg_record *record)
{
	return record->domain ? record->domain : "";
}

/* A record that cannot be read is of nobody who could be named; status tells it. */
static int look_at(struct search *s, const char *id)
{
	struct ocfg_record record = {0};
	enum alive alive = ALIVE_NO;
	int rc = 0;

	if (ocfg_record_load(s->guard->records, id, &record, NULL) < 0)
		return 0;
	/* What was switched is counted by itself. */
	if (record.modes && is_meant(s, id, domain_in(&record)) && !switched_of(s, id))
		alive = alive_look(&record);
	if (alive == ALIVE_YES)
		add(s, id, domain_in(&record));
	else if (alive == ALIVE_IF_CGROUP)
		rc = put_off(s, &record);
	ocfg_record_done(&record);
	return rc;
}

static const struct ocfg_record *pending_of(const struct search *s, const char *id)
{
	const struct ocfg_record *record = s->pending;

	while (strcmp(record->id, id) != 0)
		record++;
	return record;
}

static int look_at_cgroups(struct search *s, struct error *err)
{
	cleanup_free struct cgroup_container *containers = NULL;
	int rc;

	if (!s->pending_count)
		return 0;
	containers = calloc(s->pending_count, sizeof(*containers));
	if (!containers)
		return error_set(err, ENOMEM, "list of containers");
	for (size_t i = 0; i < s->pending_count; i++)
		containers[i].id = s->pending[i].id;
	rc = cgroup_containers_find(containers, s->pending_count, err);
	for (size_t i = 0; rc == 0 && i < s->pending_count; i++)
		if (containers[i].count)
			add(s, containers[i].id, domain_in(pending_of(s, containers[i].id)));
	cgroup_containers_done(containers, s->pending_count);
	return rc;
}

static int look_at_records(struct search *s, struct error *err)
{
	cleanup_close int fd = openat(s->guard->records, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int rc = 0;

	if (!stream)
		return error_set(err, errno, "open the folder of records");
	(void)steal_fd(&fd);
	while (rc == 0 && (entry = readdir(stream))) {
		char id[OCFG_ID_MAX + 1];

		if (ocfg_id_of_file(entry->d_name, id))
			rc = look_at(s, id);
	}
	return rc < 0 ? error_set(err, -rc, "look at records") : 0;
}

/* What is being switched off is merged, and scanned, until it has been. */
static bool still_merges(const struct switched *switched)
{
	return switched->merging || switched_is_begun(switched);
}

static void look_at_switched(struct search *s)
{
	for (size_t i = 0; i < s->switched_count; i++) {
		char domain[OCFG_DOMAIN_SIZE];

		domain_of(s->guard, s->switched[i].id, domain);
		if (still_merges(&s->switched[i]) && is_meant(s, s->switched[i].id, domain))
			add(s, s->switched[i].id, domain);
	}
}

static int search(struct search *s, struct error *err)
{
	int rc = 0;

	if (s->guard->switched >= 0)
		rc = switched_list(s->guard->switched, &s->switched, &s->switched_count, err);
	if (rc < 0)
		return rc;
	rc = look_at_records(s, err);
	if (rc == 0)
		rc = look_at_cgroups(s, err);
	look_at_switched(s);
	for (size_t i = 0; i < s->pending_count; i++)
		ocfg_record_done(&s->pending[i]);
	free(s->pending);
	switched_list_free(s->switched, s->switched_count);
	return rc;
}

void domain_of(const struct domain_guard *guard, const char *id, char buf[OCFG_DOMAIN_SIZE])
{
	struct ocfg_record record = {0};

	buf[0] = '\0';
	if (ocfg_record_load(guard->records, id, &record, NULL) < 0)
		return;
	if (record.domain)
		(void)ocfg_domain_parse(record.domain, buf, NULL);
	ocfg_record_done(&record);
}

static bool has_domains(const struct domain_guard *guard)
{
	return faccessat(guard->state, ACTIVE_FILE, F_OK, 0) == 0;
}

static int write_active(const struct domain_guard *guard, const char *domain, struct error *err)
{
	if (domain[0])
		return ocfg_file_replace(guard->state, ACTIVE_FILE, domain, strlen(domain), err);
	if (unlinkat(guard->state, ACTIVE_FILE, 0) < 0 && errno != ENOENT)
		return error_set(err, errno, "remove " ACTIVE_FILE);
	return 0;
}

static const char *called(const char *domain, char *buf, size_t size)
{
	if (!domain[0])
		return "none";
	snprintf(buf, size, "\"%s\"", domain);
	return buf;
}

static int refuse(const char *domain, const struct domain_holder *holder, struct error *err)
{
	char own[OCFG_DOMAIN_SIZE + 2], other[OCFG_DOMAIN_SIZE + 2], more[48] = "";

	if (holder->count > 1)
		snprintf(more, sizeof(more), " and %zu more", holder->count - 1);
	error_set(err, EINVAL,
		  "its trust domain is %s, and that of the containers that merge now is %s (%s%s)",
		  called(domain, own, sizeof(own)), called(holder->domain, other, sizeof(other)),
		  holder->id, more);
	if (err)
		err->code = EBUSY;
	return -EBUSY;
}

int domain_claim(const struct domain_guard *guard, const char *id, const char *domain,
		 struct error *err)
{
	struct search s = {.guard = guard, .id = id, .domain = domain};
	int rc;

	if (!domain[0] && !has_domains(guard))
		return 0;
	rc = search(&s, err);
	if (rc < 0)
		return rc;
	if (s.found.count > 0)
		return refuse(domain, &s.found, err);
	return write_active(guard, domain, err);
}

int domain_switch_on(const struct ocfg_settings *settings, const struct switched *switched,
		     struct error *err)
{
	char domain[OCFG_DOMAIN_SIZE];
	struct domain_guard guard;
	cleanup_close int dir = paths_state_dir(settings, SWITCHED_DIR, err);
	int rc = dir < 0 ? dir : domain_begin(settings, &guard, err);

	if (rc < 0)
		return rc;
	domain_of(&guard, switched->id, domain);
	rc = domain_claim(&guard, switched->id, domain, err);
	if (rc == 0)
		rc = switched_save(dir, switched, err);
	domain_end(&guard);
	return rc;
}

int domain_find(const struct domain_guard *guard, struct domain_holder *ret, struct error *err)
{
	struct search s = {.guard = guard};
	int rc = search(&s, err);

	if (rc == 0)
		*ret = s.found;
	return rc;
}
