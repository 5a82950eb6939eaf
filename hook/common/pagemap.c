/* SPDX-License-Identifier: Apache-2.0 */
/* Which pages a process has in RAM, and in which frames: /proc/PID/maps and pagemap. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "hook/common/pagemap.h"
#include "hook/common/subordinate.h"
#include "oci-config/cleanup.h"

/* Bits of an entry, Documentation/admin-guide/mm/pagemap.rst. */
#define ENTRY_FRAME   ((UINT64_C(1) << 55) - 1)
#define ENTRY_ALONE   (UINT64_C(1) << 56) /* mapped once (4.2) */
#define ENTRY_FILE    (UINT64_C(1) << 61) /* a file's page or shared anonymous memory (3.5) */
#define ENTRY_SWAPPED (UINT64_C(1) << 62)
#define ENTRY_PRESENT (UINT64_C(1) << 63)

/* The ioctl PAGEMAP_SCAN (6.7), here under names of our own: older <linux/fs.h> lack it, newer ones define it. */
struct scan_region {
	uint64_t start;
	uint64_t end;
	uint64_t categories;
};

struct scan_arg {
	uint64_t size;
	uint64_t flags;
	uint64_t start;
	uint64_t end;
	uint64_t walk_end;
	uint64_t vec;
	uint64_t vec_len;
	uint64_t max_pages;
	uint64_t category_inverted;
	uint64_t category_mask;
	uint64_t category_anyof_mask;
	uint64_t return_mask;
};

#define SCAN_IOCTL    _IOWR('f', 16, struct scan_arg)
#define SCAN_FILE     (UINT64_C(1) << 2)
#define SCAN_PRESENT  (UINT64_C(1) << 3)
#define SCAN_SWAPPED  (UINT64_C(1) << 4)
#define SCAN_PFN_ZERO (UINT64_C(1) << 5)

struct walk {
	int fd; /* pagemap */
	bool use_scan;
	uint64_t page_size;
	uint64_t swapped; /* pages */
	pagemap_visit *visit;
	void *data;
	struct pagemap_page pages[PAGEMAP_BATCH];
	uint64_t entries[PAGEMAP_BATCH];
};

/* One piece of at most PAGEMAP_BATCH pages. */
static int visit_piece(struct walk *walk, uint64_t start, size_t pages)
{
	off_t offset = (off_t)(start / walk->page_size * sizeof(uint64_t));
	ssize_t len = pread(walk->fd, walk->entries, pages * sizeof(uint64_t), offset);
	size_t count = 0;

	/* The process is gone, or these are addresses beyond its own ([vsyscall]). */
	if (len <= 0)
		return 0;
	for (size_t i = 0; i < (size_t)len / sizeof(uint64_t); i++) {
		uint64_t entry = walk->entries[i];

		if (entry & ENTRY_FILE)
			continue;
		if (entry & ENTRY_SWAPPED)
			walk->swapped++;
		else if (entry & ENTRY_PRESENT)
			walk->pages[count++] = (struct pagemap_page){
				.address = start + i * walk->page_size,
				.frame = entry & ENTRY_FRAME,
				.is_shared = !(entry & ENTRY_ALONE),
				/* A scan leaves it out. */
				.may_be_empty = !walk->use_scan && !(entry & ENTRY_ALONE),
			};
	}
	return count ? walk->visit(walk->pages, count, walk->data) : 0;
}

static int visit_range(struct walk *walk, uint64_t start, uint64_t end)
{
	while (start < end) {
		uint64_t pages = (end - start) / walk->page_size;
		int rc;

		if (pages > PAGEMAP_BATCH)
			pages = PAGEMAP_BATCH;
		rc = visit_piece(walk, start, (size_t)pages);
		if (rc)
			return rc;
		start += pages * walk->page_size;
	}
	return 0;
}

/*
 * The same, but the kernel finds the parts that hold anything: a reservation of terabytes (Go, Java, sanitizers, WebAssembly)
 * costs nothing. -ENOTTY from a kernel without the ioctl, before anything was visited.
 */
static int scan_range(struct walk *walk, uint64_t start, uint64_t end)
{
	struct scan_region regions[64];

	while (start < end) {
		struct scan_arg arg = {
			.size = sizeof(arg),
			.start = start,
			.end = end,
			.vec = (uint64_t)(uintptr_t)regions,
			.vec_len = sizeof(regions) / sizeof(regions[0]),
			.category_inverted = SCAN_FILE | SCAN_PFN_ZERO,
			.category_mask = SCAN_FILE | SCAN_PFN_ZERO,
			.category_anyof_mask = SCAN_PRESENT | SCAN_SWAPPED,
			.return_mask = SCAN_PRESENT,
		};
		int count = ioctl(walk->fd, SCAN_IOCTL, &arg);

		if (count < 0)
			return errno == ENOTTY ? -ENOTTY : 0;
		for (int i = 0; i < count; i++) {
			int rc = visit_range(walk, regions[i].start, regions[i].end);

			if (rc)
				return rc;
		}
		if (arg.walk_end <= start)
			return 0;
		start = arg.walk_end;
	}
	return 0;
}

static int walk_mapping(struct walk *walk, uint64_t start, uint64_t end)
{
	if (walk->use_scan) {
		int rc = scan_range(walk, start, end);

		if (rc != -ENOTTY)
			return rc;
		walk->use_scan = false;
	}
	return visit_range(walk, start, end);
}

/* "start-end rwxp ..."; false for a shared mapping, and for huge pages (MAP_HUGETLB), which never merge. */
static bool parse_private(const char *line, uint64_t *start, uint64_t *end)
{
	char *p;

	*start = strtoull(line, &p, 16);
	if (*p != '-')
		return false;
	*end = strtoull(p + 1, &p, 16);
	return strlen(p) > 4 && p[4] == 'p' && !strstr(p, " /anon_hugepage");
}

static int walk_maps(struct walk *walk, FILE *maps)
{
	cleanup_free char *line = NULL;
	uint64_t start, end;
	size_t size = 0;

	while (getline(&line, &size, maps) > 0) {
		int rc;

		if (!parse_private(line, &start, &end))
			continue;
		rc = walk_mapping(walk, start, end);
		if (rc)
			return rc;
	}
	return 0;
}

int pagemap_walk(int proc_fd, bool use_scan, pagemap_visit *visit, void *data, uint64_t *swapped,
		 struct error *err)
{
	cleanup_close int fd = subordinate_open(proc_fd, "pagemap");
	cleanup_close int maps_fd = openat(proc_fd, "maps", O_RDONLY | O_CLOEXEC);
	cleanup_file FILE *maps = NULL;
	cleanup_free struct walk *walk = NULL;
	int rc;

	if (fd < 0 || maps_fd < 0)
		return error_set(err, errno, "open pagemap and maps of a process");
	maps = fdopen(maps_fd, "re");
	walk = malloc(sizeof(*walk));
	if (!maps || !walk)
		return error_set(err, ENOMEM, "walk through a process");
	(void)steal_fd(&maps_fd);
	walk->fd = fd;
	walk->use_scan = use_scan;
	walk->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	walk->swapped = 0;
	walk->visit = visit;
	walk->data = data;
	rc = walk_maps(walk, maps);
	*swapped += walk->swapped * walk->page_size;
	return rc;
}
