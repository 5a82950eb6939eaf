/* SPDX-License-Identifier: Apache-2.0 */
/* notify.sync: the marker's part. The thread is stopped before its call is answered, and let go when all is marked. */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "hook/inject/inject.h"
#include "hook/mark/process.h"
#include "hook/notify/answer.h"
#include "hook/notify/guard.h"
#include "hook/notify/look.h"
#include "hook/notify/serve.h"
#include "hook/notify/sync.h"
#include "oci-config/cleanup.h"

/* A call that was let go on ends; only the scheduler can hold it up. */
#define SYNC_MS 250

/*
 * The stop cut the wait for the answer short, so the thread makes its call again and is notified again; as others
 * of the container may be at the same time.
 */
static int serve(void *data)
{
	struct container *container = data;
	union journal_notif *slot = &container->listener->in_flight[1];
	struct pollfd readable = {.fd = container->fd, .events = POLLIN};

	if (poll(&readable, 1, 1) <= 0 || !(readable.revents & POLLIN))
		return 0;
	if (answer_receive(container->fd, slot) <= 0)
		return 0;
	answer_note(container->listener, slot);
	answer_continue(container->fd, slot);
	return 0;
}

/* The process of the thread that waits, if it needs a look. */
static struct tracked *process_to_mark(struct container *container, pid_t tid)
{
	cleanup_close int dir = process_open(tid), leader = -1;
	struct process_status status;
	struct process_stat stat;

	if (dir < 0 || (container->whole && process_is_merge_any(dir) == 1) ||
	    process_status(dir, &status) < 0)
		return NULL;
	leader = process_open(status.tgid);
	if (leader < 0 || process_stat(leader, &stat) < 0)
		return NULL;
	if (!container->pid)
		container_meet_first(container, status.tgid);
	return container_track(container, status.tgid, stat.start_time);
}

/* Is it still that thread, and may it be touched? Once it has been killed another one may have its number. */
static bool still_waits(const struct container *container)
{
	const struct seccomp_notif *notif = &container->listener->in_flight[0].notif;
	uint64_t id = notif->id;

	return notif->pid && guard_left_alone(container->listener) <= answer_now() &&
	       ioctl(container->fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

/* Answers what is in the slot, with the thread stopped behind its call; then marks. */
static void hold_and_mark(struct marker *marker, struct container *container,
			  struct tracked *process, struct inject *target)
{
	int rc;

	if (!still_waits(container)) {
		inject_end(target);
		return;
	}
	answer_continue(container->fd, &container->listener->in_flight[0]);
	rc = inject_wait(target, SYNC_MS, NULL);
	if (rc < 0)
		return;
	if (inject_restarting(target) >= 0)
		rc = inject_finish_call(target, SYNC_MS, serve, container, NULL);
	if (rc == 0)
		look(marker, container, process, target);
	inject_end(target);
}

void sync_serve(struct marker *marker, struct container *container)
{
	struct journal_listener *listener = container->listener;
	union journal_notif *slots = listener->in_flight;
	uint32_t value = sync_get(listener);
	struct inject target = {0};
	struct tracked *process;

	if (SYNC_TURN(value) != SYNC_MARKER)
		return;
	answer_recover(listener, container->fd, &slots[1]); /* a predecessor's */
	process = still_waits(container) ? process_to_mark(container, (pid_t)slots[0].notif.pid)
					 : NULL;
	if (process) {
		/* If anything fails it is looked at as without sync. */
		answer_note(listener, &slots[0]);
		if (!container->off && answer_now() >= container->unsynced_until &&
		    inject_begin((pid_t)slots[0].notif.pid, &target, NULL) == 0)
			hold_and_mark(marker, container, process, &target);
	}
	if (slots[0].notif.id)
		answer_continue(container->fd, &slots[0]);
	sync_give_back(listener, value);
	eventfd_write(marker->wakes.worker, 1);
}
