/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to the files that the steward works by: inotify, so that it need not look. */
#ifndef HOOK_NOTIFY_STEWARD_NEWS_H
#define HOOK_NOTIFY_STEWARD_NEWS_H

#include "hook/notify/steward/steward.h"
#include "oci-config/error.h"

struct news {
	int inotify; /* to be polled */
	int containers, switched, settings;
	/* Which name in the watched folder: of the settings' file, or of the first of its folders that is missing. */
	char awaited[256];
};

/* Watches the steward's folders and the settings' file, which need not exist. */
int news_init(struct news *ret, const struct steward *steward, struct error *err);
/* What has happened since: bits of enum steward_news. */
unsigned news_take(struct news *news);

#endif
