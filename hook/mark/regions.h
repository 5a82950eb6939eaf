/* SPDX-License-Identifier: Apache-2.0 */
/* Which regions of a process are to be marked, from the text of /proc/PID/smaps or maps. No kernel calls. */
#ifndef HOOK_MARK_REGIONS_H
#define HOOK_MARK_REGIONS_H

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
 *
 * What is found are stretches: from one mapping that must not be marked to the next one, with the gaps. The program
 * goes on while this is read. A range that ended where a region ended at that time would cut a region that is there by
 * now in two, one part marked and one not; and mremap refuses (EFAULT) what is two to the kernel. Therefore regions below
 * min_size are taken along, unless the container asked for a size of its own.
 */
struct regions {
	size_t min_size;
	bool smaps; /* else maps */
	/* Found. The caller takes them away by count = 0, wanted = 0. */
	struct inject_range *ranges;
	size_t count, room;
	size_t wanted; /* regions in them that lack the mark */
	/* The parser's own. */
	struct inject_range current;
	enum regions_kind { REGIONS_EDGE, REGIONS_PLAIN, REGIONS_WANTED } kind; /* of current */
	struct inject_range stretch;
	size_t stretch_wanted;
	char line[REGIONS_LINE];
	size_t len;
};

/* "7f00-7f10 rw-p ...": what a mapping's first line in maps or smaps begins with; *line is then what follows. */
bool regions_read_range(const char **line, struct inject_range *ret);

/*
 * Takes the next piece of the text; returns how much of it. Less than `len`: the room is used up, empty it
 * and come again with the rest.
 */
size_t regions_feed(struct regions *regions, const char *text, size_t len);
/* The text has ended. Call it with room for one more. */
void regions_end(struct regions *regions);

#endif
