/* SPDX-License-Identifier: Apache-2.0 */
/* Receiving one seccomp notification into the journal, and letting its call go on. */
#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "hook/notify/answer.h"
#include "hook/notify/dirty.h"

uint64_t answer_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int answer_receive(int fd, union journal_notif *slot)
{
	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, slot) == 0)
		return 1;
	/* ENOMEM: later. */
	return errno == ENOENT || errno == EINTR || errno == ENOMEM ? 0 : -errno;
}

bool answer_note(struct journal_listener *listener, const union journal_notif *slot)
{
	/* pid 0: a thread of a pid namespace that we cannot see. */
	return slot->notif.pid && dirty_note(listener, slot->notif.pid, answer_now());
}

void answer_continue(int fd, union journal_notif *slot)
{
	/* Room for what a newer kernel may read behind the members that are known today. */
	union {
		struct seccomp_notif_resp resp;
		unsigned char room[64];
	} answer = {.room = {0}};

	answer.resp.id = slot->notif.id;
	answer.resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	while (ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &answer) < 0 && errno == EINTR)
		;
	memset(slot, 0, sizeof(*slot));
}

bool answer_recover(struct journal_listener *listener, int fd, union journal_notif *slot)
{
	bool tell = false;

	if (slot->notif.id) {
		tell = answer_note(listener, slot);
		__atomic_fetch_add(&listener->calls, 1, __ATOMIC_RELAXED);
	}
	answer_continue(fd, slot); /* empties it, whatever is in it */
	return tell;
}
