/* SPDX-License-Identifier: Apache-2.0 */
/* Which regions of a process are to be marked, from the text of /proc/PID/smaps or maps. No kernel calls. */
#ifndef HOOK_NOTIFY_REGIONS_H
#define HOOK_NOTIFY_REGIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hook/inject/inject.h"

#define REGIONS_LINE 160 /* what is read of a line; only names and unknown lines can be longer */
/* Reservations of this size and more stay unmarked while nothing in them can be accessed: ksmd would walk them. */
#define REGIONS_RESERVED (UINT64_C(1) << 30)

/*
 * To be marked: private, anonymous, at least min_size long, not refused by the kernel anyway, not held back by the
 * program as a secret (locked, not dumped, wiped on fork), and not marked yet. maps does not tell the
 * last two things.
 */
struct regions {
	size_t min_size;
	bool smaps; /* else maps */
	/* Found; neighbours are one range. The caller takes them away by count = 0. */
	struct inject_range *ranges;
	size_t count, room;
	/* The parser's own. */
	struct inject_range current;
	bool wanted; /* current, as far as is known yet */
	char line[REGIONS_LINE];
	size_t len;
};

/*
 * Takes the next piece of the text; returns how much of it. Less than `len`: the room is used up, empty it
 * and come again with the rest.
 */
size_t regions_feed(struct regions *regions, const char *text, size_t len);

#endif
