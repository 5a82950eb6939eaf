/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp listeners that the keeper holds: taking them, and letting them go. None is ever lost in between. */
#include "hook/notify/listeners.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "hook/common/log.h"
#include "hook/common/probe.h"
#include "hook/common/proc.h"
#include "hook/notify/children.h"
#include "hook/notify/keeper.h"
#include "hook/notify/systemd.h"
#include "oci-config/process_state.h"

#define STORED_NAME "listener-"

bool listeners_is_one(int fd)
{
	__u64 id =
		0; /* ids begin anywhere, so nobody waits for this one; ENOTTY and the like: another file */

	return ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0 || errno == ENOENT;
}

static void tell_manager(int fd, const char *what, uint32_t index, const struct keeper *k)
{
	struct error err = {0};

	if (systemd_notify(fd, &err, "%s=1\nFDNAME=" STORED_NAME "%u\nSTATUS=serving %u listeners",
			   what, index, k->held) < 0)
		log_error(&err, "service manager");
}

static void hold(struct keeper *k, uint32_t index, int fd)
{
	struct journal_listener *entry = &k->journal->listener[index];

	entry->serial = ++k->wakes.serial;
	entry->fd = fd;
	if (k->journal->top <= index)
		__atomic_store_n(&k->journal->top, index + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&entry->held, 1, __ATOMIC_RELEASE);
	k->held++;
}

/* What the worker does not own stays as it is; the entry is free again when this returns. */
static void clear(struct journal *journal, uint32_t index)
{
	struct journal_listener *entry = &journal->listener[index];

	__atomic_store_n(&entry->held, 0, __ATOMIC_SEQ_CST);
	memset(entry, 0, sizeof(*entry));
}

/* There is a free one: no message is read without. */
static uint32_t free_index(const struct keeper *k)
{
	uint32_t index = 0;

	while (index < k->journal->top && k->journal->listener[index].held)
		index++;
	return index;
}

/* Of a container with many (one for each exec session) only the first that comes and the last that goes are told. */
static bool is_only_one(const struct keeper *k, uint32_t index)
{
	const struct journal_listener *list = k->journal->listener;

	for (uint32_t i = 0; i < k->journal->top; i++)
		if (i != index && list[i].held && strcmp(list[i].id, list[index].id) == 0)
			return false;
	return true;
}

static void tell_of_new(struct keeper *k, uint32_t index)
{
	const struct journal_listener *entry = &k->journal->listener[index];
	bool whole =
		(k->features & PROBE_PROCESS_WIDE) == PROBE_PROCESS_WIDE && !entry->notify.regions;

	if (is_only_one(k, index))
		keeper_tell(k, entry->id, "serving it, process %d: marking %s%s", (int)entry->pid,
			    whole ? "whole processes at once" : "region by region",
			    entry->notify.sync ? ", before calls return" : "");
}

/* `fd` is ours from here on. state NULL: not known. */
static void add(struct keeper *k, int fd, const struct ocfg_process_state *state, const char *why)
{
	uint32_t index = free_index(k);
	struct journal_listener *entry = &k->journal->listener[index];
	struct proc_stat stat;

	clear(k->journal, index);
	if (state) {
		memcpy(entry->id, state->id, sizeof(entry->id));
		entry->pid = state->pid;
		entry->notify = state->notify;
	} else {
		snprintf(entry->id, sizeof(entry->id), "unknown-%u", index);
		entry->notify.min_size = OCFG_NOTIFY_MIN_SIZE;
		log_line(LOG_LEVEL_ERROR, "holding a listener as container %s: %s", entry->id, why);
	}
	entry->notify.sync = entry->notify.sync || k->sync;
	if (entry->pid > 0 && proc_stat_read(entry->pid, &stat, NULL) == 0)
		entry->start_time = stat.start_time;
	hold(k, index, fd);
	children_tell(k, index);
	tell_manager(fd, "FDSTORE", index, k);
	if (state)
		tell_of_new(k, index);
}

static int parse(const struct connection *c, const char *trouble, struct ocfg_process_state *ret,
		 struct error *err)
{
	int rc = trouble ? error_set(err, EPROTO, "%s", trouble)
			 : ocfg_process_state_parse(c->text, c->len, ret, err);

	if (rc == 0 && ret->fds != c->count)
		rc = error_set(err, EPROTO, "%zu descriptors came, %zu are named", c->count,
			       ret->fds);
	if (rc == 0 && !listeners_is_one(c->fds[ret->seccomp_fd]))
		rc = error_set(err, EPROTO, "what it names seccompFd is no seccomp listener");
	return rc;
}

void listeners_receive(struct keeper *k, struct connection *c, const char *trouble)
{
	struct ocfg_process_state state;
	struct error err = {0};
	bool known = parse(c, trouble, &state, &err) == 0, found = false;

	for (size_t i = 0; i < c->count; i++) {
		bool take = known ? i == state.seccomp_fd : listeners_is_one(c->fds[i]);

		found = found || take;
		if (take && k->held < k->capacity)
			add(k, c->fds[i], known ? &state : NULL, err.msg);
		else
			close(c->fds[i]);
	}
	if (!found)
		keeper_complain(k, "process %d sent no seccomp listener: %s", c->pid, err.msg);
}

void listeners_drop(struct keeper *k, uint32_t index, uint32_t serial)
{
	struct journal_listener *entry;

	if (!k->journal || index >= JOURNAL_LISTENERS)
		return;
	entry = &k->journal->listener[index];
	if (!entry->held || entry->serial != serial)
		return;
	if (is_only_one(k, index))
		keeper_tell(k, entry->id, "serving it no longer: its processes have ended");
	k->held--;
	tell_manager(-1, "FDSTOREREMOVE", index, k);
	close(entry->fd);
	clear(k->journal, index);
	connections_wake(k);
}

void listeners_restore(struct keeper *k, int (*fd_of)(uint32_t index, const void *data),
		       const void *data)
{
	k->held = 0;
	for (uint32_t i = 0; i < k->journal->top; i++) {
		struct journal_listener *entry = &k->journal->listener[i];
		int fd = entry->held ? fd_of(i, data) : -1;

		if (!entry->held)
			continue;
		if (fd >= 0) {
			entry->fd = fd;
			entry->serial = ++k->wakes.serial;
			k->held++;
		} else {
			clear(k->journal, i);
		}
	}
}

/* The index in "listener-INDEX"; -1: that is another name. */
static int64_t stored_index(const char *name)
{
	const char *number = name + strlen(STORED_NAME);
	int64_t index;

	if (strncmp(name, STORED_NAME, strlen(STORED_NAME)) != 0 || *number < '0' ||
	    *number > '9' || proc_number(number, &index) < 0 || index >= JOURNAL_LISTENERS)
		return -1;
	return index;
}

struct stored {
	const struct systemd_fd *fds;
	size_t count;
};

static int stored_fd(uint32_t index, const void *data)
{
	const struct stored *stored = data;

	for (size_t i = 0; i < stored->count; i++)
		if (stored_index(stored->fds[i].name) == index &&
		    listeners_is_one(stored->fds[i].fd))
			return stored->fds[i].fd;
	return -1;
}

void listeners_restore_stored(struct keeper *k, const struct systemd_fd *fds, size_t count)
{
	struct stored stored = {.fds = fds, .count = count};

	listeners_restore(k, stored_fd, &stored);
	for (size_t i = 0; i < count; i++) {
		int64_t index = stored_index(fds[i].name);

		if (index < 0)
			continue;
		if (k->journal->listener[index].held && k->journal->listener[index].fd == fds[i].fd)
			continue;
		/* It gets another name. */
		systemd_notify(-1, NULL, "FDSTOREREMOVE=1\nFDNAME=%s", fds[i].name);
		if (listeners_is_one(fds[i].fd) && k->held < k->capacity)
			add(k, fds[i].fd, NULL, "the journal does not know it");
		else
			close(fds[i].fd);
	}
}
