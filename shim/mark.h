/* SPDX-License-Identifier: Apache-2.0 */
/* Marking memory mergeable: what is marked, what is left alone, and how growth is noticed. */
#ifndef SHIM_MARK_H
#define SHIM_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/next.h"

#pragma GCC visibility push(hidden)

/*
 * A thread looks at its heap once for each so many bytes that it asks of malloc. It is less than the 128 KiB by which
 * glibc grows and below which it gives nothing back, so a heap cannot shrink and grow again between two looks; what a
 * thread that falls idle may leave unmarked is less than this, too.
 */
#define SHIM_LOOK_EVERY (64u << 10)

/* Set by the constructor, later only changed to "nothing more to do". */
struct shim_state {
	size_t page;	 /* bytes */
	size_t min_size; /* mappings of at least so many bytes are marked; SIZE_MAX: none are */
	bool settled;	 /* the constructor has decided */
	bool looking;	 /* malloc's growth is to be looked for: it is a libc's own malloc */
	bool process;	 /* PR_SET_MEMORY_MERGE is on: by us or inherited */
	bool reserving;	 /* the program has reserved more address space than is marked at once */
	bool tunables;	 /* GLIBC_TUNABLES changes malloc: trust nothing about its layout */
	enum shim_malloc malloc_kind;
	uintptr_t heap_start;  /* what brk has, from here ... */
	uintptr_t heap_marked; /* ... to here, is marked */
};
extern struct shim_state shim_state;

/* Not 0: the container is switched off, nothing is marked. Only who is outside takes it back. See off.h. */
extern uint32_t shim_off;
/* In the constructor: is the container switched off? */
void shim_begin_off(void);

/* Marks the pages of [addr, addr + len) but those kept out; what the kernel cannot merge is left as it is. */
void shim_mark(uintptr_t addr, size_t len);

/*
 * Address space that is only reserved so far is not marked if it is as much as this: before Linux 6.18 ksmd looks at each
 * page of a hole (.NET reserves 256 GiB, sanitizers terabytes). It is marked part by part when it is made writable.
 */
#define SHIM_RESERVATION (1ul << 30)
void shim_reserved(uintptr_t addr, size_t len);

/* Unmarks the pages of [addr, addr + len) and never marks them again: locked memory and secrets. */
void shim_keep_out(const void *addr, size_t len);

/* Marks what is mapped now: heap, bss and data, private writable mappings. */
void shim_mark_existing(void);

/* Before a call that may move brk: notices what was given back since. After it: marks what was added. */
void shim_heap_shrunk(void);
void shim_heap_grown(void);

/* After an allocation that was looked at: marks the mapping it is in, whole, if brk has not given it. */
void shim_mark_chunk(void *chunk, size_t size);

/* For a program that locks all its memory: unmarks everything and marks no more. */
void shim_withdraw(void);

/* For a program that sandboxes itself: what is marked stays so, but no system call of ours is made any more. */
void shim_fall_silent(void);

#pragma GCC visibility pop

#endif
