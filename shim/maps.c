/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/self/maps, read without allocating. */
#include "shim/maps.h"
#include "shim/sys.h"

#define MAPS_PATH "/proc/self/maps"

/* struct procmap_query of <linux/fs.h>, for headers before Linux 6.11; the ioctl carries its size. */
struct query {
	uint64_t size;
	uint64_t query_flags;
	uint64_t query_addr;
	uint64_t vma_start;
	uint64_t vma_end;
	uint64_t vma_flags;
	uint64_t vma_page_size;
	uint64_t vma_offset;
	uint64_t inode;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint32_t vma_name_size;
	uint32_t build_id_size;
	uint64_t vma_name_addr;
	uint64_t build_id_addr;
};
#define PROCMAP_QUERY_IOCTL (3ul << 30 | sizeof(struct query) << 16 | 'f' << 8 | 17)
#define QUERY_VMA_WRITABLE  0x02
#define QUERY_VMA_SHARED    0x08

/* "start-end perms offset device inode name", taken a character at a time: a line may be cut by any read. */
struct parser {
	struct shim_map map;
	unsigned field; /* 0 start, 1 end, 2 perms, 3..5 not needed, 6 name */
	unsigned at;	/* characters of this field so far */
	bool writable, private;
	char name[8];
};

static void parser_reset(struct parser *p)
{
	p->map.start = p->map.end = 0;
	p->field = p->at = 0;
	p->writable = p->private = false;
	p->name[0] = '\0';
}

static bool name_is(const struct parser *p, const char *prefix)
{
	for (unsigned i = 0; prefix[i]; i++) {
		if (i >= p->at || i >= sizeof(p->name) || p->name[i] != prefix[i])
			return false;
	}
	return true;
}

static uintptr_t hex(char c)
{
	return (uintptr_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void parser_field(struct parser *p, char c)
{
	if (p->field == 0)
		p->map.start = p->map.start << 4 | hex(c);
	else if (p->field == 1)
		p->map.end = p->map.end << 4 | hex(c);
	else if (p->field == 2 && p->at == 1)
		p->writable = c == 'w';
	else if (p->field == 2 && p->at == 3)
		p->private = c == 'p';
	else if (p->field == 6 && p->at < sizeof(p->name))
		p->name[p->at] = c;
	p->at++;
}

/* True when the character ended a line: p->map is complete. */
static bool parser_take(struct parser *p, char c)
{
	if (c == '\n') {
		bool named = p->field == 6 && p->at > 0;

		p->map.heap = named && name_is(p, "[heap]");
		p->map.markable = p->writable && p->private &&
				  !(named && (name_is(p, "[stack") || name_is(p, "[v")));
		return true;
	}
	if (c == ' ' && p->at == 0) /* the name is padded with any number of spaces */
		return false;
	if (p->field < 6 && (c == ' ' || (p->field == 0 && c == '-'))) {
		p->field++;
		p->at = 0;
		return false;
	}
	parser_field(p, c);
	return false;
}

void shim_maps_each(bool (*each)(const struct shim_map *map, void *arg), void *arg)
{
	char buf[1024]; /* the caller may run on a small stack; the kernel gives whole lines that fit */
	struct parser p;
	long fd = sys_open_read(MAPS_PATH);
	long n;

	if (sys_failed(fd))
		return;
	parser_reset(&p);
	while ((n = sys_read((int)fd, buf, sizeof(buf))) > 0) {
		for (long i = 0; i < n; i++) {
			if (!parser_take(&p, buf[i]))
				continue;
			if (!each(&p.map, arg))
				goto out;
			parser_reset(&p);
		}
	}
out:
	sys_close((int)fd);
}

struct wanted {
	uintptr_t addr;
	struct shim_map *ret;
	bool found;
};

static bool match(const struct shim_map *map, void *arg)
{
	struct wanted *w = arg;

	if (w->addr >= map->end)
		return true;
	w->found = w->addr >= map->start;
	if (w->found) {
		w->ret->start = map->start;
		w->ret->end = map->end;
		w->ret->markable = map->markable;
		w->ret->heap = map->heap;
	}
	return false;
}

bool shim_maps_find(uintptr_t addr, struct shim_map *ret)
{
	struct wanted w = {.addr = addr, .ret = ret};
	struct query q = {.size = sizeof(q), .query_addr = addr};
	long fd = sys_open_read(MAPS_PATH);
	long rc;

	if (sys_failed(fd))
		return false;
	rc = sys_ioctl((int)fd, PROCMAP_QUERY_IOCTL, &q);
	sys_close((int)fd);
	if (rc != 0) {
		shim_maps_each(match, &w);
		return w.found;
	}
	ret->start = q.vma_start;
	ret->end = q.vma_end;
	ret->markable = (q.vma_flags & QUERY_VMA_WRITABLE) && !(q.vma_flags & QUERY_VMA_SHARED);
	ret->heap = false;
	return true;
}
