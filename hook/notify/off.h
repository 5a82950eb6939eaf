/* SPDX-License-Identifier: Apache-2.0 */
/* Containers that were switched off while they run (hook/common/switched.h): the marker leaves them alone. */
#ifndef HOOK_NOTIFY_OFF_H
#define HOOK_NOTIFY_OFF_H

#include "hook/notify/container.h"

/*
 * Watches the folder marker->switched. True: marker->off, an inotify descriptor, is to be polled from now on. Where there
 * is none to be had (fs.inotify.max_user_instances is used up) all containers are learned again, at most once a second, as
 * often as this is called: marker->off_next says when.
 */
bool off_ask(struct marker *marker, uint64_t now);
/* Learns whether that container is off; one that is on again is looked at as a whole. */
void off_learn(const struct marker *marker, struct container *container);
/* Some were switched: learns what they are now. Those that are on again are looked at as a whole. */
void off_take_news(struct marker *marker);

#endif
