/* SPDX-License-Identifier: Apache-2.0 */
/* Marking memory mergeable: what is marked, what is left alone, and how growth is noticed. */
#include "shim/mark.h"
#include "shim/batch.h"
#include "shim/maps.h"
#include "shim/off.h"
#include "shim/sys.h"

struct shim_state shim_state = {.page = 4096, .min_size = SIZE_MAX};

/* What must stay unmarked. Where there is more than this, nothing more is marked at all. */
#define KEPT_OUT_MAX 32
static struct {
	uintptr_t start, end;
} kept_out[KEPT_OUT_MAX];
static unsigned kept_out_count;

static bool silent; /* shim_fall_silent */

/* Written from outside, at any time; the note says where it is. */
uint32_t shim_off;
#define TEXT(x)	 #x
#define VALUE(x) TEXT(x)
__asm__(".pushsection .note.oci-ksm, \"a\", %note\n"
	".balign 4\n"
	".long 8, 4, " VALUE(SHIM_NOTE_OFF) "\n"
					    ".asciz \"" SHIM_NOTE_NAME "\"\n"
					    ".long shim_off - .\n"
					    ".popsection");
_Static_assert(sizeof(SHIM_NOTE_NAME) == 8, "the note says 8");

/* glibc's malloc: the word before a chunk holds its size and these bits; the one before that, see below. */
#define CHUNK_IS_MMAPPED     0x2ul
#define CHUNK_NON_MAIN_ARENA 0x4ul
#define CHUNK_BITS	     0x7ul
/* A heap of an arena other than the main one is reserved whole, and aligned to its size. */
#define ARENA_HEAP_SIZE (64ul << 20)

/*
 * The mapping that this thread's chunks came from last, and how many looks it is believed to be marked for: a mapping
 * that was given back and made anew at the same place is noticed after these.
 */
static _Thread_local struct {
	uintptr_t start, end;
	unsigned looks;
} last __attribute__((tls_model("initial-exec")));
#define BELIEVE_LOOKS 16

static uintptr_t page_floor(uintptr_t addr)
{
	return addr & -shim_state.page;
}

static uintptr_t page_ceil(uintptr_t addr)
{
	return page_floor(addr + shim_state.page - 1);
}

static void stop_marking(void)
{
	shim_state.looking = false;
	shim_state.min_size = SIZE_MAX;
}

static void unmark_kept_out(uintptr_t start, uintptr_t end)
{
	unsigned count = __atomic_load_n(&kept_out_count, __ATOMIC_ACQUIRE);

	for (unsigned i = 0; i < count && i < KEPT_OUT_MAX; i++) {
		uintptr_t from = kept_out[i].start > start ? kept_out[i].start : start;
		uintptr_t to = kept_out[i].end < end ? kept_out[i].end : end;

		if (from < to)
			sys_madvise(from, to - from, SHIM_MADV_UNMERGEABLE);
	}
}

/*
 * Libraries that come later (dlopen, by internal names) bring data and bss: looked for when the marked memory has grown to so much for the
 * first time, and each time that it has grown eightfold again.
 */
#define FIRST_LIBRARIES (8ul << 20)
static size_t next_libraries = FIRST_LIBRARIES, marked_bytes;
static void mark_libraries(void);

void shim_mark(uintptr_t addr, size_t len)
{
	uintptr_t start = page_floor(addr), end = page_ceil(addr + len);
	long rc;

	if (SHIM_UNLIKELY(*(const volatile uint32_t *)&shim_off))
		return;
	rc = sys_madvise(start, end - start, SHIM_MADV_MERGEABLE);
	/* EINVAL: a kernel without KSM. Others (ENOMEM: a hole, or no memory for a VMA) concern this range only. */
	if (rc == -SHIM_EINVAL) {
		stop_marking();
		return;
	}
	unmark_kept_out(start, end);
	marked_bytes += end - start;
	if (marked_bytes >= next_libraries && !shim_state.process) {
		next_libraries = marked_bytes * 8;
		mark_libraries();
	}
}

void shim_begin_off(void)
{
	long fd = sys_open_read(SHIM_OFF_FILE);

	if (sys_failed(fd))
		return;
	sys_close((int)fd);
	shim_off = 1;
}

void shim_reserved(uintptr_t addr, size_t len)
{
	if (shim_state.process)
		sys_madvise(addr, len, SHIM_MADV_UNMERGEABLE);
	shim_state.reserving = true;
}

static void remember_kept_out(uintptr_t start, uintptr_t end)
{
	unsigned i;

	for (i = 0; i < kept_out_count && i < KEPT_OUT_MAX; i++) {
		if (kept_out[i].start <= start && end <= kept_out[i].end)
			return;
	}
	i = __atomic_fetch_add(&kept_out_count, 1, __ATOMIC_RELAXED);
	if (i >= KEPT_OUT_MAX) {
		stop_marking();
		return;
	}
	kept_out[i].start = start;
	__atomic_store_n(&kept_out[i].end, end, __ATOMIC_RELEASE); /* until then it is empty */
}

void shim_keep_out(const void *addr, size_t len)
{
	uintptr_t start = page_floor((uintptr_t)addr), end = page_ceil((uintptr_t)addr + len);

	if (silent)
		return;
	/* Remembered first: who marks it meanwhile sees that, or has done it before it is unmarked. */
	if (shim_state.min_size != SIZE_MAX || shim_state.reserving)
		remember_kept_out(start, end);
	sys_madvise(start, end - start, SHIM_MADV_UNMERGEABLE);
}

/* What exists at the start and is smaller is the data of libraries: not worth a system call each. */
#define EXISTING_MIN (16ul << 10)

/* Everything but the stack, and what is too small; the heap will grow. */
static bool mark_map(const struct shim_map *map, void *arg)
{
	const char *stack = arg;
	bool is_heap = map->end == shim_state.heap_marked;
	size_t size = map->end - map->start;

	if (is_heap)
		shim_state.heap_start = map->start;
	if (map->markable && size < SHIM_RESERVATION &&
	    (is_heap || size >= (shim_state.min_size ? shim_state.min_size : EXISTING_MIN)) &&
	    !((uintptr_t)stack >= map->start && (uintptr_t)stack < map->end))
		shim_mark(map->start, size);
	return shim_state.min_size != SIZE_MAX;
}

void shim_mark_existing(void)
{
	char here;

	shim_state.heap_start = shim_state.heap_marked = page_ceil(sys_brk());
	shim_maps_each(mark_map, &here);
}

/* A library's data is a file's mapping; its bss is anonymous memory right behind that. (A thread's stack has a guard before it.) */
static bool mark_library(const struct shim_map *map, void *arg)
{
	uintptr_t *file_end = arg;
	size_t size = map->end - map->start;

	if (map->markable && (map->file || map->start == *file_end) && size >= EXISTING_MIN &&
	    size < SHIM_RESERVATION)
		shim_mark(map->start, size);
	if (map->file)
		*file_end = map->end;
	return shim_state.min_size != SIZE_MAX;
}

static void mark_libraries(void)
{
	uintptr_t file_end = 0;

	shim_maps_each(mark_library, &file_end);
}

/* Other threads may do the same at the same time: at worst a range is marked twice. */
void shim_heap_shrunk(void)
{
	uintptr_t end = page_ceil(sys_brk());

	if (end < __atomic_load_n(&shim_state.heap_marked, __ATOMIC_RELAXED))
		__atomic_store_n(&shim_state.heap_marked, end, __ATOMIC_RELAXED);
}

void shim_heap_grown(void)
{
	uintptr_t marked = __atomic_load_n(&shim_state.heap_marked, __ATOMIC_RELAXED);
	uintptr_t end = page_ceil(sys_brk());

	__atomic_store_n(&shim_state.heap_marked, end, __ATOMIC_RELAXED);
	if (end > marked)
		shim_mark(marked, end - marked);
}

/* Is it the mapping that this thread had last, and is that to be believed still? */
static bool is_believed(uintptr_t addr)
{
	return addr >= last.start && addr < last.end && last.looks > 0 && last.looks--;
}

static void believe(uintptr_t start, uintptr_t end)
{
	last.start = start;
	last.end = end;
	last.looks = BELIEVE_LOOKS;
}

/* A libc that says nothing about where a chunk comes from: the kernel does. */
static void mark_mapping(uintptr_t addr, size_t size)
{
	struct shim_map map;

	if (is_believed(addr) ||
	    !shim_batch_is_now(addr, size > SHIM_LOOK_EVERY ? size : SHIM_LOOK_EVERY) ||
	    !shim_maps_find(addr, &map) || !map.markable)
		return;
	shim_mark(map.start, map.end - map.start);
	believe(map.start, map.end);
}

static void mark_arena(uintptr_t heap)
{
	if (is_believed(heap))
		return;
	shim_mark(heap, ARENA_HEAP_SIZE);
	believe(heap, heap + ARENA_HEAP_SIZE);
}

/*
 * A chunk that glibc mapped alone: [start, start + length) where the word before its size says how far the chunk is
 * into its mapping. What does not come out at page boundaries is not what we take it for.
 */
static void mark_mapped_chunk(const size_t *chunk, size_t size)
{
	uintptr_t start = (uintptr_t)chunk - chunk[0];
	size_t length = chunk[0] + (chunk[1] & ~CHUNK_BITS);

	if ((start | length) % shim_state.page == 0 && size <= length &&
	    shim_batch_is_now(start, length))
		shim_mark(start, length);
}

void shim_mark_chunk(void *chunk, size_t size)
{
	uintptr_t addr = (uintptr_t)chunk;
	const size_t *head;

	if (!chunk || addr >> 56 != 0) /* tagged pointers: glibc.mem.tagging */
		return;
	head = (const size_t *)chunk - 2;
	if (addr >= shim_state.heap_start && addr < shim_state.heap_marked)
		return;
	/* Right behind a page boundary it may not be glibc's, but one of a program's own __malloc_hook (before 2.34). */
	if (shim_state.malloc_kind != SHIM_MALLOC_GLIBC || shim_state.tunables ||
	    addr % shim_state.page < 2 * sizeof(size_t))
		mark_mapping(addr, size);
	else if (head[1] & CHUNK_IS_MMAPPED)
		mark_mapped_chunk(head, size);
	else if (head[1] & CHUNK_NON_MAIN_ARENA)
		mark_arena(addr & -ARENA_HEAP_SIZE);
	else /* the main arena where brk could not grow */
		mark_mapping(addr, size);
}

static bool unmark_map(const struct shim_map *map, void *arg)
{
	(void)arg;
	if (map->markable)
		sys_madvise(map->start, map->end - map->start, SHIM_MADV_UNMERGEABLE);
	return true;
}

void shim_withdraw(void)
{
	stop_marking();
	if (silent)
		return;
	if (shim_state.process && sys_prctl(PR_SET_MEMORY_MERGE, 0) == 0) {
		shim_state.process = false;
		return;
	}
	shim_maps_each(unmark_map, NULL);
}

void shim_fall_silent(void)
{
	stop_marking();
	shim_state.process = false;
	silent = true;
}
