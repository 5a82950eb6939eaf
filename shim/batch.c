/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the number of VMAs low. A mapping that is marked after its first page was touched stays a VMA of its own, whatever its
 * neighbours are (its anon_vma is another than theirs), and a process may have 65530 only (vm.max_map_count). That does no harm
 * while there are few. When there are many, new memory waits unmarked, so that the kernel makes one VMA of what lies side by side,
 * and all that waits is marked together: VMAs then grow with the logarithm of the memory.
 *
 * Nothing here is locked: threads that meet count twice or lose a mark, and both are harmless.
 */
#include "shim/batch.h"
#include "shim/maps.h"
#include "shim/mark.h"

#define FEW_VMAS      1024
#define RECOUNT_MARKS 512	  /* marks between two counts, as long as there are few */
#define LEAST_BATCH   (1ul << 20) /* bytes */
#define BATCH_SHARE \
	128 /* so much of all writable memory may wait, or LEAST_BATCH if that is more */
#define WAITING_MAX 64

static struct {
	size_t batch; /* bytes that come together before they are marked; 0: there are few VMAs */
	unsigned marks;
	size_t waiting_bytes;
	unsigned waiting;
	uintptr_t at[WAITING_MAX];
} state;

struct totals {
	size_t vmas, bytes;
};

/* Counts, and marks the mappings in which something waits. */
static bool visit(const struct shim_map *map, void *arg)
{
	struct totals *t = arg;
	unsigned waiting = state.waiting < WAITING_MAX ? state.waiting : WAITING_MAX;

	t->vmas++;
	if (!map->markable)
		return true;
	t->bytes += map->end - map->start;
	for (unsigned i = 0; i < waiting; i++) {
		if (state.at[i] >= map->start && state.at[i] < map->end) {
			shim_mark(map->start, map->end - map->start);
			break;
		}
	}
	return true;
}

static void visit_all(void)
{
	struct totals t = {0, 0};

	shim_maps_each(visit, &t);
	state.marks = 0;
	state.waiting = 0;
	state.waiting_bytes = 0;
	/* 0: they cannot be counted (no /proc, no descriptor left), and nothing is marked that could be one too many */
	if (t.vmas > 0 && t.vmas <= FEW_VMAS)
		state.batch = 0;
	else
		state.batch =
			t.bytes / BATCH_SHARE > LEAST_BATCH ? t.bytes / BATCH_SHARE : LEAST_BATCH;
}

bool shim_batch_is_now(uintptr_t addr, size_t len)
{
	unsigned i = state.waiting;

	if (state.batch == 0) {
		if (++state.marks >= RECOUNT_MARKS)
			visit_all();
		return true;
	}
	if (i < WAITING_MAX)
		state.at[i] = addr;
	state.waiting = i + 1;
	state.waiting_bytes += len;
	if (state.waiting >= WAITING_MAX || state.waiting_bytes >= state.batch)
		visit_all();
	return false;
}
