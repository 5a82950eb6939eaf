/* SPDX-License-Identifier: Apache-2.0 */
/* Which pages of a process are merged. */
#ifndef HOOK_MARK_MERGED_H
#define HOOK_MARK_MERGED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "hook/common/contents.h"
#include "hook/inject/inject.h"

/* Neighbouring pages that are merged, in ascending order. Anything but 0 ends the walk. */
typedef int merged_visit(const struct inject_range *run, void *data);

/* What `visit` returned, or 0. dir: /proc/PID. go_on: called now and then, it may take long where locks are busy. */
int merged_walk(const struct contents *contents, int dir, merged_visit *visit, void *data,
		void (*go_on)(void));
/*
 * Bytes that would become separate pages. `exact`: those that fork has shared count for each process, also where only another one has
 * the mark (`contents`, or 6.8); else what the kernel counts for the process (5.19). `contents`: NULL where merged pages cannot be told
 * (contents_tells_merged).
 */
uint64_t merged_bytes(const struct contents *contents, bool exact, pid_t pid, int dir,
		      void (*go_on)(void));

#endif
