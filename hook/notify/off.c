/* SPDX-License-Identifier: Apache-2.0 */
/* Containers that were switched off while they run. */
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "hook/common/switched.h"
#include "hook/notify/dirty.h"
#include "hook/notify/off.h"

#define ASK_EVERY (1000 * PACE_MS)

/* Or -1. */
static int news_of(int folder)
{
	char path[64];
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", folder);
	if (fd < 0 || inotify_add_watch(fd, path, IN_MOVED_TO | IN_DELETE) >= 0)
		return fd;
	close(fd);
	return -1;
}

void off_learn(const struct marker *marker, struct container *container)
{
	struct switched switched = {0};
	bool off = marker->switched >= 0 &&
		   switched_load(marker->switched, container->listener->id, &switched, NULL) == 0 &&
		   !switched.merging;

	switched_done(&switched);
	if (container->off && !off) {
		dirty_set_overflow(container->listener);
		container->news = true;
	}
	container->off = off;
}

/* "ID.json"; NULL stands for all. */
static void learn(struct marker *marker, const char *name)
{
	for (uint32_t i = 0; i < marker->top; i++) {
		struct container *container = marker->containers[i];
		size_t len = container ? strlen(container->listener->id) : 0;

		if (container && (!name || (strncmp(name, container->listener->id, len) == 0 &&
					    strcmp(name + len, ".json") == 0)))
			off_learn(marker, container);
	}
}

void off_take_news(struct marker *marker)
{
	_Alignas(struct inotify_event) char buf[4096];
	ssize_t n;

	while ((n = read(marker->off, buf, sizeof(buf))) > 0) {
		const struct inotify_event *event;

		for (const char *at = buf; at < buf + n; at += sizeof(*event) + event->len) {
			event = (const void *)at;
			if (event->mask & IN_Q_OVERFLOW)
				learn(marker, NULL);
			else if (event->len)
				learn(marker, event->name);
		}
	}
}

bool off_ask(struct marker *marker, uint64_t now)
{
	if (now < marker->off_next)
		return false;
	marker->off = news_of(marker->switched);
	/* What has changed until now is not among the news. */
	learn(marker, NULL);
	marker->off_next = marker->off >= 0 ? UINT64_MAX : now + ASK_EVERY;
	return marker->off >= 0;
}
