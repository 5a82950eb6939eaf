/* SPDX-License-Identifier: Apache-2.0 */
/* Which regions of a process are to be marked, from the text of /proc/PID/smaps or maps. */
#include <string.h>

#include "hook/notify/regions.h"

/* proc(5), VmFlags: marked already; what KSM never takes; what the program keeps out of core dumps, of swap, of its children. */
static const char unwanted_flags[] = "mg sh ms pf io ht de mm dp ss lo dd wf";

static bool read_hex(const char **text, uint64_t *ret)
{
	const char *p = *text;
	uint64_t value = 0;

	for (; p - *text < 16; p++) {
		unsigned digit;

		if (*p >= '0' && *p <= '9')
			digit = (unsigned)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			digit = (unsigned)(*p - 'a') + 10;
		else
			break;
		value = value << 4 | digit;
	}
	if (p == *text)
		return false;
	*text = p;
	*ret = value;
	return true;
}

/* Anonymous memory that has a name. All other names in brackets are the kernel's own mappings. */
static bool is_anonymous_name(const char *name)
{
	return !*name || !strcmp(name, "[heap]") || !strcmp(name, "[stack]") ||
	       !strncmp(name, "[stack:", 7) || !strncmp(name, "[anon:", 6);
}

/* "7f00-7f10 rw-p 00000000 00:00 0    [heap]" */
static bool is_wanted(struct regions *regions, const char *line)
{
	uint64_t offset, major, minor, inode;
	const char *perms;
	uint64_t size;

	if (!read_hex(&line, &regions->current.start) || *line++ != '-' ||
	    !read_hex(&line, &regions->current.end) || *line++ != ' ')
		return false;
	perms = line;
	if (strnlen(perms, 5) < 5 || perms[3] != 'p' || perms[4] != ' ')
		return false;
	line += 5;
	if (!read_hex(&line, &offset) || *line++ != ' ' || !read_hex(&line, &major) ||
	    *line++ != ':' || !read_hex(&line, &minor) || *line++ != ' ' ||
	    !read_hex(&line, &inode) || major || minor || inode)
		return false;
	line += strspn(line, " ");
	if (!is_anonymous_name(line) || regions->current.end <= regions->current.start)
		return false;
	size = regions->current.end - regions->current.start;
	return size >= regions->min_size &&
	       (strncmp(perms, "---", 3) != 0 || size < REGIONS_RESERVED);
}

static bool has_unwanted_flag(const char *flags)
{
	for (; flags[0] && flags[1]; flags += flags[2] == ' ' ? 3 : 2)
		for (const char *flag = unwanted_flags;
		     flag < unwanted_flags + sizeof(unwanted_flags); flag += 3)
			if (flags[0] == flag[0] && flags[1] == flag[1])
				return true;
	return false;
}

static void found(struct regions *regions)
{
	struct inject_range *last = regions->count ? &regions->ranges[regions->count - 1] : NULL;

	if (last && last->end == regions->current.start)
		last->end = regions->current.end;
	else
		regions->ranges[regions->count++] = regions->current;
}

static void take_line(struct regions *regions)
{
	static const char key[] = "VmFlags: ";
	const char *line = regions->line;

	if ((*line >= '0' && *line <= '9') || (*line >= 'a' && *line <= 'f')) {
		regions->wanted = is_wanted(regions, line);
		if (regions->wanted && !regions->smaps)
			found(regions);
	} else if (regions->smaps && regions->wanted && !strncmp(line, key, sizeof(key) - 1)) {
		regions->wanted = false;
		if (!has_unwanted_flag(line + sizeof(key) - 1))
			found(regions);
	}
}

size_t regions_feed(struct regions *regions, const char *text, size_t len)
{
	size_t used = 0;

	while (used < len && regions->count < regions->room) {
		const char *end = memchr(text + used, '\n', len - used);
		size_t piece = end ? (size_t)(end - text) - used : len - used;
		size_t room = sizeof(regions->line) - 1 - regions->len;
		size_t copied = piece < room ? piece : room;

		memcpy(regions->line + regions->len, text + used, copied);
		regions->len += copied;
		used += piece;
		if (!end)
			break;
		used++;
		regions->line[regions->len] = '\0';
		take_line(regions);
		regions->len = 0;
	}
	return used;
}
