/* SPDX-License-Identifier: Apache-2.0 */
/* What is behind pages that pagemap_walk finds: what kind of memory it is, and what it holds. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/common/contents.h"
#include "hook/common/subordinate.h"
#include "oci-config/cleanup.h"

/* Bits of /proc/kpageflags, <linux/kernel-page-flags.h>. */
#define KPF_ANON      (UINT64_C(1) << 12)
#define KPF_HUGETLB   (UINT64_C(1) << 17)
#define KPF_KSM	      (UINT64_C(1) << 21)
#define KPF_ZERO_PAGE (UINT64_C(1) << 24)
/* "mapped to disk" of files; of anonymous memory: it is one process' only (5.19). */
#define KPF_EXCLUSIVE (UINT64_C(1) << 34)

#define WINDOW 512 /* flags of frames at a time */
#define SPARSE 16  /* so many frames are read for each page, rather than with another call */

#define READ_PAGES 64 /* contents at a time: stays in the second level cache */

/* How many of the pages, from the first on, lie side by side? */
static size_t run_of_addresses(size_t page_size, const struct pagemap_page *pages, size_t count)
{
	size_t n = 1;

	while (n < count && n < READ_PAGES && pages[n].address == pages[n - 1].address + page_size)
		n++;
	return n;
}

/*
 * How many of the pages, from the first on, have frames that lie near each other? The kernel gives neighbouring pages neighbouring
 * frames, but often in descending order. *first, *frames: what to read for them.
 */
static size_t run_of_frames(const struct pagemap_page *pages, size_t count, uint64_t *first,
			    size_t *frames)
{
	uint64_t low = pages->frame, high = low;
	size_t n = 1;

	for (; n < count; n++) {
		uint64_t frame = pages[n].frame;
		uint64_t new_low = frame < low ? frame : low,
			 new_high = frame > high ? frame : high;

		if (new_high - new_low >= WINDOW || new_high - new_low > (n + 1) * SPARSE)
			break;
		low = new_low;
		high = new_high;
	}
	*first = low;
	*frames = (size_t)(high - low + 1);
	return n;
}

/* What is one process' only is not merged. */
static uint64_t correct(const struct contents *contents, uint64_t flags)
{
	return contents->all_merged && flags & KPF_EXCLUSIVE ? flags & ~KPF_KSM : flags;
}

void contents_flags(const struct contents *contents, const struct pagemap_page *pages,
		    uint64_t *ret, size_t count)
{
	uint64_t window[WINDOW];

	while (count) {
		uint64_t first;
		size_t frames, n = run_of_frames(pages, count, &first, &frames);
		ssize_t len = pread(contents->kpageflags, window, frames * sizeof(*window),
				    (off_t)(first * sizeof(*window)));

		for (size_t i = 0; i < n; i++) {
			size_t at = (size_t)(pages[i].frame - first);

			ret[i] = 0;
			if (len >= (ssize_t)((at + 1) * sizeof(*window)))
				ret[i] = correct(contents, window[at]);
		}
		pages += n;
		ret += n;
		count -= n;
	}
}

bool contents_is_anonymous(uint64_t flags)
{
	return (flags & (KPF_ANON | KPF_HUGETLB | KPF_ZERO_PAGE)) == KPF_ANON;
}

bool contents_is_merged(uint64_t flags)
{
	return flags & KPF_KSM;
}

int contents_open(pid_t pid, int *ret_proc, int *ret_mem, struct error *err)
{
	cleanup_close int proc = -1, mem = -1;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", pid);
	proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return error_set(err, errno == ENOENT ? ESRCH : errno, "open %s", path);
	mem = subordinate_open(proc, "mem");
	if (mem < 0)
		return error_set(err, errno == ENOENT ? ESRCH : errno, "open %s/mem", path);
	*ret_proc = steal_fd(&proc);
	*ret_mem = steal_fd(&mem);
	return 0;
}

int contents_read(const struct contents *contents, int mem, const struct pagemap_page *pages,
		  size_t count, contents_visit *visit, void *data)
{
	size_t size = contents->page_size, at = 0;

	while (at < count) {
		size_t n = run_of_addresses(size, pages + at, count - at), done;
		ssize_t len = pread(mem, contents->buf, n * size, (off_t)pages[at].address);

		/* 0: the process has ended, and its frames with it. */
		if (len == 0)
			return 0;
		done = len > 0 ? (size_t)len / size : 0;
		/* The one where reading ended; what comes after it has another try. */
		n = done < n ? done + 1 : n;
		for (size_t i = 0; i < n; i++) {
			int rc = visit(at + i, i < done ? contents->buf + i * size : NULL, data);

			if (rc)
				return rc;
		}
		at += n;
	}
	return 0;
}

static int first_frame(const struct pagemap_page *pages, size_t count, void *data)
{
	uint64_t *frame = data;

	(void)count;
	*frame = pages->frame;
	return 1;
}

/* The kernel shows frame 0 for every page to those who may not know. */
static int check_rights(struct error *err)
{
	cleanup_close int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t frame = 0, swapped = 0;
	int rc;

	if (self < 0)
		return error_set(err, errno, "open /proc/self");
	rc = pagemap_walk(self, true, first_frame, &frame, &swapped, err);
	if (rc < 0)
		return rc;
	if (!frame)
		return error_set(err, EPERM, "see frame numbers (CAP_SYS_ADMIN)");
	return 0;
}

struct fault {
	const struct contents *contents;
	bool all_merged;
};

/* Ends the walk at memory that is not merged. */
static int find_unmerged(const struct pagemap_page *pages, size_t count, void *data)
{
	struct fault *fault = data;
	uint64_t flags[PAGEMAP_BATCH];

	contents_flags(fault->contents, pages, flags, count);
	for (size_t i = 0; i < count; i++) {
		if (!contents_is_anonymous(flags[i]))
			continue;
		fault->all_merged = contents_is_merged(flags[i]);
		if (!fault->all_merged)
			return 1;
	}
	return 0;
}

/* Linux 6.10 to 6.17, where they have not been mended, say of all anonymous memory that KSM has made it: ours, too. */
static bool says_all_merged(const struct contents *contents)
{
	cleanup_close int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct fault fault = {.contents = contents};
	uint64_t swapped = 0;

	return self >= 0 && pagemap_walk(self, true, find_unmerged, &fault, &swapped, NULL) == 0 &&
	       fault.all_merged;
}

static int init(struct contents *contents, bool sees_frames, struct error *err)
{
	*contents = (struct contents){.page_size = (size_t)sysconf(_SC_PAGESIZE), .kpageflags = -1};
	if (sees_frames)
		contents->kpageflags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	if (sees_frames && contents->kpageflags < 0)
		return error_set(err, errno, "open /proc/kpageflags");
	if (sees_frames)
		contents->all_merged = says_all_merged(contents);
	contents->buf = calloc(READ_PAGES, contents->page_size);
	return contents->buf ? 0 : error_set(err, ENOMEM, "contents of pages");
}

int contents_init(struct contents *contents, struct error *err)
{
	int rc = check_rights(err);

	if (rc < 0) {
		*contents = (struct contents){.kpageflags = -1};
		return rc;
	}
	return init(contents, true, err);
}

int contents_init_any(struct contents *contents, struct error *err)
{
	int rc = contents_init(contents, err);

	return rc == -EPERM || rc == -EACCES ? init(contents, false, err) : rc;
}

bool contents_sees_frames(const struct contents *contents)
{
	return contents->kpageflags >= 0;
}

bool contents_tells_merged(const struct contents *contents)
{
	return contents_sees_frames(contents) && !contents->all_merged;
}

void contents_done(struct contents *contents)
{
	free(contents->buf);
	if (contents->kpageflags >= 0)
		close(contents->kpageflags);
}
