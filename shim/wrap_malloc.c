/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The malloc family. glibc and musl grow their heaps by internal names that no preloaded symbol replaces, so each thread
 * counts the bytes that it asks for and now and then looks whether the heap has grown. The fast path is one subtraction
 * from a counter of the thread's own and a jump: no lock, no atomic, no barrier, no second look at the pointer.
 */
#include "shim/exports.h"
#include "shim/mark.h"
#include "shim/sys.h"

/* Bytes that this thread may still ask for before the next look. "used": SHIM_COUNT_DOWN reads it unseen. */
static _Thread_local size_t budget __attribute__((tls_model("initial-exec"), used));

/* Where there is nothing to mark: no look for the life of any program. */
static bool look_begins(void)
{
	if (!shim_state.looking) {
		budget = shim_state.settled ? SIZE_MAX >> 1 : SHIM_LOOK_EVERY;
		return false;
	}
	budget = SHIM_LOOK_EVERY;
	shim_heap_shrunk();
	return true;
}

static void *look_ends(void *chunk, size_t size)
{
	shim_heap_grown();
	shim_mark_chunk(chunk, size);
	return chunk;
}

static __attribute__((noinline)) void *malloc_look(size_t size)
{
	if (!look_begins())
		return shim_next.malloc(size);
	return look_ends(shim_next.malloc(size), size);
}

void *malloc(size_t size)
{
	SHIM_COUNT_DOWN(budget, size, look);
	return shim_next.malloc(size);
look:
	return malloc_look(size);
}

static __attribute__((noinline)) void *calloc_look(size_t count, size_t size)
{
	if (!look_begins())
		return shim_next.calloc(count, size);
	return look_ends(shim_next.calloc(count, size), count * size);
}

void *calloc(size_t count, size_t size)
{
	SHIM_COUNT_DOWN(budget, count * size, look);
	return shim_next.calloc(count, size);
look:
	return calloc_look(count, size);
}

static __attribute__((noinline)) void *realloc_look(void *old, size_t size)
{
	if (!look_begins())
		return shim_next.realloc(old, size);
	return look_ends(shim_next.realloc(old, size), size);
}

void *realloc(void *old, size_t size)
{
	SHIM_COUNT_DOWN(budget, size, look);
	return shim_next.realloc(old, size);
look:
	return realloc_look(old, size);
}

static __attribute__((noinline)) void *aligned_look(void *(*next)(size_t, size_t), size_t align,
						    size_t size)
{
	if (!look_begins())
		return next(align, size);
	return look_ends(next(align, size), size);
}

void *aligned_alloc(size_t align, size_t size)
{
	SHIM_COUNT_DOWN(budget, size, look);
	return shim_next.aligned_alloc(align, size);
look:
	return aligned_look(shim_next.aligned_alloc, align, size);
}

void *memalign(size_t align, size_t size)
{
	SHIM_COUNT_DOWN(budget, size, look);
	return shim_next.memalign(align, size);
look:
	return aligned_look(shim_next.memalign, align, size);
}

static __attribute__((noinline)) int posix_memalign_look(void **ret, size_t align, size_t size)
{
	int rc;

	if (!look_begins())
		return shim_next.posix_memalign(ret, align, size);
	rc = shim_next.posix_memalign(ret, align, size);
	if (rc == 0)
		look_ends(*ret, size);
	return rc;
}

int posix_memalign(void **ret, size_t align, size_t size)
{
	SHIM_COUNT_DOWN(budget, size, look);
	return shim_next.posix_memalign(ret, align, size);
look:
	return posix_memalign_look(ret, align, size);
}

static __attribute__((noinline)) void *paged_look(void *(*next)(size_t), size_t size)
{
	if (!look_begins())
		return next(size);
	return look_ends(next(size), size);
}

void *valloc(size_t size)
{
	SHIM_COUNT_DOWN(budget, size, look);
	return shim_next.valloc(size);
look:
	return paged_look(shim_next.valloc, size);
}

void *pvalloc(size_t size)
{
	SHIM_COUNT_DOWN(budget, size, look);
	return shim_next.pvalloc(size);
look:
	return paged_look(shim_next.pvalloc, size);
}
