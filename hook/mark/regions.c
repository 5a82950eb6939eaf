/* SPDX-License-Identifier: Apache-2.0 */
/* Which regions of a process are to be marked, from the text of /proc/PID/smaps or maps. */
#include <string.h>

#include "hook/mark/regions.h"
#include "oci-config/notify.h"

/* proc(5), VmFlags: what KSM never takes; what the program keeps out of core dumps, of swap, of its children. */
static const char unwanted_flags[] = "sh ms pf io ht de mm dp ss lo dd wf";

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

bool regions_read_range(const char **line, struct inject_range *ret)
{
	struct inject_range range;
	const char *p = *line;

	if (!read_hex(&p, &range.start) || *p++ != '-' || !read_hex(&p, &range.end) || *p++ != ' ')
		return false;
	*line = p;
	*ret = range;
	return true;
}

/* Anonymous memory that has a name. All other names in brackets are the kernel's own mappings. */
static bool is_anonymous_name(const char *name)
{
	return !*name || !strcmp(name, "[heap]") || !strcmp(name, "[stack]") ||
	       !strncmp(name, "[stack:", 7) || !strncmp(name, "[anon:", 6);
}

/* "7f00-7f10 rw-p 00000000 00:00 0    [heap]": where it is, and what it is as far as can be known without its flags. */
static enum regions_kind kind_of(const struct regions *regions, const char *line,
				 struct inject_range *ret)
{
	uint64_t offset, major, minor, inode, size;
	const char *perms;

	if (!regions_read_range(&line, ret) || ret->end <= ret->start)
		return REGIONS_EDGE;
	perms = line;
	if (strnlen(perms, 5) < 5 || perms[3] != 'p' || perms[4] != ' ')
		return REGIONS_EDGE;
	line += 5;
	if (!read_hex(&line, &offset) || *line++ != ' ' || !read_hex(&line, &major) ||
	    *line++ != ':' || !read_hex(&line, &minor) || *line++ != ' ' ||
	    !read_hex(&line, &inode) || major || minor || inode)
		return REGIONS_EDGE;
	line += strspn(line, " ");
	if (!is_anonymous_name(line))
		return REGIONS_EDGE;
	size = ret->end - ret->start;
	if (size >= REGIONS_RESERVED && !strncmp(perms, "---", 3))
		return REGIONS_EDGE;
	if (size >= regions->min_size)
		return REGIONS_WANTED;
	return regions->min_size == OCFG_NOTIFY_MIN_SIZE ? REGIONS_PLAIN : REGIONS_EDGE;
}

/* Two letters each. */
static bool has_flag(const char *flags, const char *wanted)
{
	for (; flags[0] && flags[1]; flags += flags[2] == ' ' ? 3 : 2)
		for (const char *flag = wanted;; flag += 3) {
			if (flags[0] == flag[0] && flags[1] == flag[1])
				return true;
			if (!flag[2])
				break;
		}
	return false;
}

static void end_stretch(struct regions *regions)
{
	if (regions->stretch_wanted && regions->stretch.end > regions->stretch.start) {
		regions->ranges[regions->count++] = regions->stretch;
		regions->wanted += regions->stretch_wanted;
	}
	regions->stretch_wanted = 0;
}

/* All is known of `current`. */
static void take_region(struct regions *regions)
{
	const struct inject_range *current = &regions->current;

	if (regions->kind == REGIONS_EDGE) {
		if (current->start > regions->stretch.start)
			regions->stretch.end = current->start; /* the gap before it, too */
		end_stretch(regions);
		regions->stretch = (struct inject_range){current->end, current->end};
		return;
	}
	if (!regions->stretch.start)
		regions->stretch.start = current->start;
	regions->stretch.end = current->end;
	regions->stretch_wanted += regions->kind == REGIONS_WANTED;
}

static void take_line(struct regions *regions)
{
	static const char key[] = "VmFlags: ";
	const char *line = regions->line, *flags = line + sizeof(key) - 1;

	if ((*line >= '0' && *line <= '9') || (*line >= 'a' && *line <= 'f')) {
		regions->kind = kind_of(regions, line, &regions->current);
		if (!regions->smaps)
			take_region(regions);
	} else if (regions->smaps && regions->current.end && !strncmp(line, key, sizeof(key) - 1)) {
		if (has_flag(flags, unwanted_flags))
			regions->kind = REGIONS_EDGE;
		else if (regions->kind == REGIONS_WANTED && has_flag(flags, "mg"))
			regions->kind = REGIONS_PLAIN;
		take_region(regions);
		regions->current.end = 0;
	}
}

void regions_end(struct regions *regions)
{
	end_stretch(regions);
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
