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

/*
 * "start-end perms offset device inode name", taken a character at a time, because any read may cut a line. Who asks knows the heap and
 * the stack by their addresses, so the name is of no interest.
 */
struct parser {
	struct shim_map map;
	enum { START, END, READ, WRITE, EXECUTE, PRIVATE, SPACE, OFFSET, DEVICE, INODE, REST } next;
};

static uintptr_t hex(char c)
{
	return (uintptr_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void parser_take(struct parser *p, char c)
{
	switch (p->next) {
	case START:
		if (c == '-')
			p->next = END;
		else
			p->map.start = p->map.start << 4 | hex(c);
		break;
	case END:
		if (c == ' ')
			p->next = READ;
		else
			p->map.end = p->map.end << 4 | hex(c);
		break;
	case WRITE:
		p->map.markable = c == 'w';
		p->next = EXECUTE;
		break;
	case PRIVATE:
		p->map.markable = p->map.markable && c == 'p';
		p->next = SPACE;
		break;
	case READ:
	case EXECUTE:
	case SPACE:
		p->next++;
		break;
	case OFFSET:
	case DEVICE:
		p->next += c == ' ';
		break;
	case INODE:
		p->map.file = c != '0';
		p->next = REST;
		break;
	case REST:
		break;
	}
}

void shim_maps_each(bool (*each)(const struct shim_map *map, void *arg), void *arg)
{
	char buf[1024]; /* the caller may run on a small stack */
	struct parser p = {.next = START};
	long fd = sys_open_read(MAPS_PATH);
	long n;

	if (sys_failed(fd))
		return;
	while ((n = sys_read((int)fd, buf, sizeof(buf))) > 0) {
		for (const char *c = buf; c < buf + n; c++) {
			if (*c != '\n') {
				if (p.next != REST)
					parser_take(&p, *c);
				continue;
			}
			if (!each(&p.map, arg))
				goto out;
			p = (struct parser){.next = START};
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
		w->ret->file = map->file;
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
	ret->file = q.inode != 0;
	ret->markable = (q.vma_flags & QUERY_VMA_WRITABLE) && !(q.vma_flags & QUERY_VMA_SHARED);
	return true;
}
