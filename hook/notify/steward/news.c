/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to the files that the steward works by. */
#include "hook/notify/steward/news.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Records and settings are written beside, then renamed; settings also by editors that do not. */
#define CHANGES (IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE)

static int watch(const struct news *news, const char *path, uint32_t events)
{
	return inotify_add_watch(news->inotify, path, events | IN_ONLYDIR);
}

static int watch_fd(const struct news *news, int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return watch(news, path, CHANGES);
}

/* The folder of the settings, or the nearest above it that exists, until it does. */
static void watch_settings(struct news *news)
{
	const char *path = secure_getenv(OCFG_SETTINGS_ENV);
	char folder[PATH_MAX];

	if (news->settings >= 0)
		inotify_rm_watch(news->inotify, news->settings);
	news->settings = -1;
	news->awaited[0] = '\0';
	if ((size_t)snprintf(folder, sizeof(folder), "%s", path ? path : OCFG_SETTINGS_PATH) >=
	    sizeof(folder))
		return;
	while (news->settings < 0) {
		char *slash = strrchr(folder, '/');

		if (!slash)
			return;
		snprintf(news->awaited, sizeof(news->awaited), "%s", slash + 1);
		*slash = '\0';
		news->settings = watch(news, folder[0] ? folder : "/",
				       CHANGES | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF);
	}
}

int news_init(struct news *ret, const struct steward *steward, struct error *err)
{
	*ret = (struct news){.inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .settings = -1};
	if (ret->inotify < 0)
		return error_set(err, errno,
				 "inotify (the limit is fs.inotify.max_user_instances)");
	ret->containers = watch_fd(ret, steward->containers);
	ret->switched = watch_fd(ret, steward->switched);
	if (ret->containers < 0 || ret->switched < 0) {
		int code = errno;

		close(ret->inotify);
		return error_set(err, code, "watch the folder of state");
	}
	watch_settings(ret);
	return 0;
}

static unsigned news_of(const struct news *news, const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW)
		return NEWS_CONTAINERS | NEWS_SWITCHED | NEWS_SETTINGS;
	if (event->wd == news->containers)
		return NEWS_CONTAINERS;
	if (event->wd == news->switched)
		return NEWS_SWITCHED;
	if (event->wd != news->settings)
		return 0; /* of a folder that is not watched any more */
	return event->len == 0 || strcmp(event->name, news->awaited) == 0 ? NEWS_SETTINGS : 0;
}

unsigned news_take(struct news *news)
{
	_Alignas(struct inotify_event) char buf[4096];
	unsigned found = 0;
	ssize_t n;

	while ((n = read(news->inotify, buf, sizeof(buf))) > 0) {
		const struct inotify_event *event;

		for (char *at = buf; at < buf + n; at += sizeof(*event) + event->len) {
			event = (const void *)at;
			found |= news_of(news, event);
		}
	}
	/* Which folder that is may have changed. */
	if (found & NEWS_SETTINGS)
		watch_settings(news);
	return found;
}
