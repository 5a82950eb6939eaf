/* SPDX-License-Identifier: Apache-2.0 */
/* How a keeper comes to what it holds: from nothing, from the service manager's store, from the program before it. */
#include "hook/notify/start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "hook/common/log.h"
#include "hook/common/probe.h"
#include "hook/notify/children.h"
#include "hook/notify/keeper.h"
#include "hook/notify/listen.h"
#include "hook/notify/listeners.h"
#include "hook/notify/privileges.h"
#include "hook/notify/requests.h"
#include "hook/notify/systemd.h"
#include "oci-config/cleanup.h"

#define JOURNAL_NAME "journal"

static void tell_manager(int fd, const char *text)
{
	struct error err = {0};

	if (systemd_notify(fd, &err, "%s", text) < 0)
		log_error(&err, "service manager");
}

/* The journal that a predecessor left, as it is or converted; a new one if there is none or it is of no use. */
static int open_journal(struct keeper *k, int left, struct error *err)
{
	struct error why = {0};
	int rc = -ENOENT;

	k->journal_fd = left;
	if (left >= 0)
		rc = journal_map(left, &k->journal, &why);
	if (rc == 0)
		return 0;
	if (left >= 0)
		rc = journal_convert(left, &k->journal, &k->journal_fd, &why);
	if (left >= 0 && rc < 0)
		log_error(&why, "calls that nobody has answered will not be: journal");
	if (rc < 0)
		rc = journal_new(&k->journal, &k->journal_fd, err);
	if (rc < 0)
		return rc;
	if (left >= 0)
		tell_manager(-1, "FDSTOREREMOVE=1\nFDNAME=" JOURNAL_NAME);
	tell_manager(k->journal_fd, "FDSTORE=1\nFDNAME=" JOURNAL_NAME);
	return 0;
}

static int make_wakes(struct keeper *k, struct error *err)
{
	k->wakes.worker = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	k->wakes.marker = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (k->wakes.worker < 0 || k->wakes.marker < 0)
		return error_set(err, errno, "make a descriptor for events");
	return 0;
}

/* Before anything is answered: what this kernel can do. */
static int look_around(struct keeper *k, struct error *err)
{
	k->features = probe(PROBE_ALL);
	if (!(k->features & PROBE_NOTIFY))
		return error_set(err, EOPNOTSUPP, "seccomp listeners");
	return 0;
}

static int take_socket(struct keeper *k, const char *path, const struct systemd_fd *fds,
		       size_t count, struct error *err)
{
	k->socket = -1;
	for (size_t i = 0; i < count && k->socket < 0; i++)
		if (listen_is_one(fds[i].fd))
			k->socket = fds[i].fd;
	if (k->socket >= 0) {
		fcntl(k->socket, F_SETFL, O_NONBLOCK);
		return 0;
	}
	k->socket = listen_make(path, err);
	if (k->socket >= 0)
		keeper_own_path(k, path);
	return k->socket < 0 ? k->socket : 0;
}

static int find_journal(const struct systemd_fd *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(fds[i].name, JOURNAL_NAME) == 0)
			return fds[i].fd;
	return -1;
}

/* What the operator finds in the log: which program, where, how. */
static void tell_start(const struct keeper *k, const char *how, const char *where)
{
	char missing[256];

	if (k->once)
		return;
	probe_list_missing(k->features, missing, sizeof(missing));
	log_line(LOG_LEVEL_INFO, "oci-ksmd " OCI_KSM_VERSION " %s %s: %u listeners, marking %s%s%s",
		 how, where, k->held,
		 (k->features & PROBE_PROCESS_WIDE) == PROBE_PROCESS_WIDE
			 ? "whole processes at once"
			 : "region by region",
		 *missing ? "; missing here: " : "", missing);
}

int start_serving(struct keeper *k, const char *path, struct error *err)
{
	cleanup_free struct systemd_fd *fds = NULL;
	size_t count = 0;
	int rc = systemd_take_fds(&fds, &count, err);

	if (rc == 0)
		rc = keeper_init(k, err);
	if (rc == 0)
		rc = take_socket(k, path, fds, count, err);
	if (rc == 0)
		rc = privileges_drop(err);
	if (rc == 0)
		rc = look_around(k, err);
	if (rc == 0)
		rc = make_wakes(k, err);
	if (rc == 0)
		rc = open_journal(k, find_journal(fds, count), err);
	if (rc < 0) {
		keeper_done(k);
		return rc;
	}
	listeners_restore_stored(k, fds, count);
	children_start(k);
	tell_manager(-1, "READY=1");
	tell_start(k, "serves at", k->path[0] ? k->path : "the socket of the service manager");
	return 0;
}

static int own_fd(uint32_t index, const void *data)
{
	const struct journal *journal = data;
	int fd = journal->listener[index].fd;

	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

static void take_numbers(struct keeper *k, const struct handover *handover)
{
	const int fds[] = {handover->journal,	handover->socket,      handover->worker_fd,
			   handover->marker_fd, handover->wake_worker, handover->wake_marker,
			   handover->asked};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			fcntl(fds[i], F_SETFD, FD_CLOEXEC);
	k->socket = handover->socket;
	k->features = (unsigned)handover->features;
	k->wakes = (struct worker_wakes){.worker = handover->wake_worker,
					 .marker = handover->wake_marker};
}

int start_taking_over(struct keeper *k, const struct handover *handover, struct error *err)
{
	int rc = keeper_init(k, err);

	if (rc == 0)
		rc = privileges_drop(err);
	if (rc < 0)
		return rc;
	take_numbers(k, handover);
	children_adopt(k, handover);
	rc = journal_map(handover->journal, &k->journal, NULL);
	k->journal_fd = handover->journal;
	if (rc < 0) {
		/* Only now: as long as the old worker lives, it is there in case that we fall over. */
		children_stop(k);
		rc = open_journal(k, handover->journal, err);
		if (rc < 0)
			return rc;
	}
	listeners_restore(k, own_fd, k->journal);
	children_renew(k);
	for (size_t i = 0; i < handover->count; i++)
		connections_adopt(k, handover->connections[i]);
	requests_replaced(handover->asked);
	tell_start(k, "goes on at", k->path[0] ? k->path : "the socket of the service manager");
	return 0;
}
