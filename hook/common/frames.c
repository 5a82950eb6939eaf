/* SPDX-License-Identifier: Apache-2.0 */
/* The truth about anonymous memory: page frames and their contents, counted, not estimated. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>
#include <xxhash.h>

#include "hook/common/frames.h"
#include "hook/common/pagemap.h"
#include "oci-config/cleanup.h"

/* Bits of /proc/kpageflags, <linux/kernel-page-flags.h>. */
#define KPF_ANON      (UINT64_C(1) << 12)
#define KPF_HUGETLB   (UINT64_C(1) << 17)
#define KPF_KSM	      (UINT64_C(1) << 21)
#define KPF_ZERO_PAGE (UINT64_C(1) << 24)

/* Frames seen: a bit each, in chunks of 2^22 frames that are made when needed (and filled in by the kernel, page by page). */
#define CHUNK_SHIFT 22
#define CHUNK_WORDS ((UINT64_C(1) << CHUNK_SHIFT) / 64)
#define CHUNKS	    (UINT64_C(1) << 18) /* 2^40 frames: 52 bits of physical address */

#define READ_PAGES 64 /* contents at a time: stays in the second level cache */

/* 128 bits and a secret seed: no two contents are taken for equal, neither by chance nor on purpose. */
struct frames_set {
	unsigned flags;
	size_t page_size;
	uint64_t seed;
	int kpageflags;
	uint64_t **seen;
	XXH128_hash_t *hashes; /* one for each frame that was read */
	size_t count, room;
	XXH128_hash_t zero;
	struct frames_figures pages; /* mapped, merged, unread in pages; swapped in bytes */
	unsigned char *buf;	     /* READ_PAGES pages */
};

/* A process while it is added. */
struct visit {
	struct frames_set *set;
	int mem;
	struct error *err;
};

static uint64_t *seen_word(struct frames_set *set, uint64_t frame)
{
	uint64_t chunk = frame >> CHUNK_SHIFT;

	if (chunk >= CHUNKS)
		return NULL;
	if (!set->seen[chunk]) {
		set->seen[chunk] = calloc(CHUNK_WORDS, sizeof(uint64_t));
		if (!set->seen[chunk])
			return NULL;
	}
	return &set->seen[chunk][(frame / 64) % CHUNK_WORDS];
}

static bool is_seen(const struct frames_set *set, uint64_t frame)
{
	uint64_t chunk = frame >> CHUNK_SHIFT;

	if (chunk >= CHUNKS || !set->seen[chunk])
		return false;
	return set->seen[chunk][(frame / 64) % CHUNK_WORDS] >> (frame % 64) & 1;
}

static int add_hash(struct frames_set *set, const void *page)
{
	if (set->count == set->room) {
		/* The C library grows large arrays by mremap: never two of them in memory. */
		size_t more = set->room ? set->room + set->room / 2 : 4096;
		XXH128_hash_t *grown = reallocarray(set->hashes, more, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		set->hashes = grown;
		set->room = more;
	}
	set->hashes[set->count++] = XXH3_128bits_withSeed(page, set->page_size, set->seed);
	return 0;
}

/* How many of the pages, from the first on, lie side by side both as `a` counts (addresses or frames)? */
static size_t run_of_addresses(const struct frames_set *set, const struct pagemap_page *pages,
			       size_t count)
{
	size_t n = 1;

	while (n < count && n < READ_PAGES &&
	       pages[n].address == pages[n - 1].address + set->page_size)
		n++;
	return n;
}

static size_t run_of_frames(const struct pagemap_page *pages, size_t count)
{
	size_t n = 1;

	while (n < count && pages[n].frame == pages[n - 1].frame + 1)
		n++;
	return n;
}

/* Reads and hashes pages that nobody has counted yet. */
static int hash_pages(const struct visit *visit, const struct pagemap_page *pages, size_t count)
{
	struct frames_set *set = visit->set;

	while (count) {
		size_t n = run_of_addresses(set, pages, count), done;
		ssize_t len =
			pread(visit->mem, set->buf, n * set->page_size, (off_t)pages->address);

		/* 0: the process has ended, and its frames with it. */
		if (len == 0)
			return 0;
		done = len > 0 ? (size_t)len / set->page_size : 0;
		for (size_t i = 0; i < done && i < n; i++)
			if (add_hash(set, set->buf + i * set->page_size) < 0)
				return error_set(visit->err, ENOMEM, "hashes of pages");
		/* The one where reading ended; what comes after it has another try. */
		if (done < n) {
			set->pages.unread++;
			n = done + 1;
		}
		pages += n;
		count -= n;
	}
	return 0;
}

/* What the kernel says of frames; one that it says nothing of (gone meanwhile) has no flags. */
static void read_flags(const struct frames_set *set, const struct pagemap_page *pages,
		       uint64_t *ret, size_t count)
{
	memset(ret, 0, count * sizeof(*ret));
	while (count) {
		size_t n = run_of_frames(pages, count);

		if (pread(set->kpageflags, ret, n * sizeof(*ret),
			  (off_t)(pages->frame * sizeof(*ret))) < 0)
			memset(ret, 0, n * sizeof(*ret));
		pages += n;
		ret += n;
		count -= n;
	}
}

/* Counts pages whose frames had not been seen; several of them may have the same frame. */
static int add_unseen(const struct visit *visit, const struct pagemap_page *pages, size_t count)
{
	struct frames_set *set = visit->set;
	struct pagemap_page fresh[PAGEMAP_BATCH];
	uint64_t flags[PAGEMAP_BATCH];
	size_t n = 0;

	read_flags(set, pages, flags, count);
	for (size_t i = 0; i < count; i++) {
		uint64_t frame = pages[i].frame, *word;

		if ((flags[i] & (KPF_ANON | KPF_HUGETLB | KPF_ZERO_PAGE)) != KPF_ANON)
			continue;
		set->pages.mapped++;
		if (is_seen(set, frame))
			continue;
		word = seen_word(set, frame);
		if (!word)
			return error_set(visit->err, ENOMEM, "set of frames");
		*word |= UINT64_C(1) << (frame % 64);
		if (flags[i] & KPF_KSM)
			set->pages.merged++;
		fresh[n++] = pages[i];
	}
	return hash_pages(visit, fresh, n);
}

static int visit_pages(const struct pagemap_page *pages, size_t count, void *data)
{
	struct visit *visit = data;
	struct frames_set *set = visit->set;
	struct pagemap_page unseen[PAGEMAP_BATCH];
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (is_seen(set, pages[i].frame))
			set->pages.mapped++;
		else
			unseen[n++] = pages[i];
	}
	return add_unseen(visit, unseen, n);
}

int frames_set_add(struct frames_set *set, pid_t pid, struct error *err)
{
	cleanup_close int proc = -1, mem = -1;
	struct visit visit = {.set = set, .err = err};
	char path[32];
	int rc;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return errno == ENOENT ? 0 : error_set(err, errno, "open %s", path);
	/* mem stays with this memory, whatever becomes of the pid; and it reads what is mapped PROT_NONE, too. */
	mem = openat(proc, "mem", O_RDONLY | O_CLOEXEC);
	if (mem < 0)
		return errno == ENOENT || errno == ESRCH
			       ? 0
			       : error_set(err, errno, "open %s/mem", path);
	visit.mem = mem;
	rc = pagemap_walk(proc, !(set->flags & FRAMES_NO_PAGEMAP_SCAN), visit_pages, &visit,
			  &set->pages.swapped, err);
	if (rc == -ENOENT || rc == -ESRCH)
		return 0;
	if (rc == 0)
		set->pages.processes++;
	return rc;
}

static bool is_less(const XXH128_hash_t *a, const XXH128_hash_t *b)
{
	return a->high64 != b->high64 ? a->high64 < b->high64 : a->low64 < b->low64;
}

static void swap(XXH128_hash_t *a, XXH128_hash_t *b)
{
	XXH128_hash_t t = *a;

	*a = *b;
	*b = t;
}

/*
 * Quicksort with three parts: in place, where qsort(3) would take as much memory again, and made for many equal keys.
 * Hashes are random, so the middle one is as good a pivot as any; the smaller part goes first: depth log2(n).
 */
static void sort(XXH128_hash_t *a, size_t n)
{
	while (n > 1) {
		XXH128_hash_t pivot = a[n / 2];
		size_t less = 0, more = n;

		for (size_t i = 0; i < more;) {
			if (is_less(&a[i], &pivot))
				swap(&a[i++], &a[less++]);
			else if (is_less(&pivot, &a[i]))
				swap(&a[i], &a[--more]);
			else
				i++;
		}
		if (less < n - more) {
			sort(a, less);
			a += more;
			n -= more;
		} else {
			sort(a + more, n - more);
			n = less;
		}
	}
}

void frames_set_count(struct frames_set *set, struct frames_figures *ret)
{
	struct frames_figures pages = set->pages;
	uint64_t size = set->page_size;

	sort(set->hashes, set->count);
	pages.distinct = pages.unread;
	for (size_t i = 0; i < set->count; i++) {
		pages.distinct += i == 0 || !XXH128_isEqual(set->hashes[i - 1], set->hashes[i]);
		pages.zero += XXH128_isEqual(set->hashes[i], set->zero) != 0;
	}
	pages.frames = set->count + pages.unread;
	*ret = (struct frames_figures){
		.mapped = pages.mapped * size,
		.frames = pages.frames * size,
		.distinct = pages.distinct * size,
		.duplicates = (pages.frames - pages.distinct) * size,
		.zero = pages.zero * size,
		.merged = pages.merged * size,
		.unread = pages.unread * size,
		.swapped = pages.swapped,
		.processes = pages.processes,
	};
}

void frames_set_free(struct frames_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; set->seen && i < CHUNKS; i++)
		free(set->seen[i]);
	free(set->seen);
	free(set->hashes);
	free(set->buf);
	if (set->kpageflags >= 0)
		close(set->kpageflags);
	free(set);
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

static int init(struct frames_set *set, unsigned flags, struct error *err)
{
	set->flags = flags;
	set->page_size = (size_t)sysconf(_SC_PAGESIZE);
	set->kpageflags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	if (set->kpageflags < 0)
		return error_set(err, errno, "open /proc/kpageflags");
	set->seen = calloc(CHUNKS, sizeof(*set->seen));
	set->buf = calloc(READ_PAGES, set->page_size);
	if (!set->seen || !set->buf)
		return error_set(err, ENOMEM, "set of frames");
	if (getrandom(&set->seed, sizeof(set->seed), 0) != sizeof(set->seed))
		return error_set(err, errno, "random seed");
	set->zero = XXH3_128bits_withSeed(set->buf, set->page_size, set->seed);
	return check_rights(err);
}

int frames_set_new(unsigned flags, struct frames_set **ret, struct error *err)
{
	struct frames_set *set = calloc(1, sizeof(*set));
	int rc;

	if (!set)
		return error_set(err, ENOMEM, "set of frames");
	rc = init(set, flags, err);
	if (rc < 0) {
		frames_set_free(set);
		return rc;
	}
	*ret = set;
	return 0;
}
