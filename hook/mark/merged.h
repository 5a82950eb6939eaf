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
 * Bytes that would become separate pages. `exact`: the pages are looked at, and those that fork has shared count for each
 * process; else what the kernel says, if it does (5.19; what fork has shared: 6.8). `contents`: NULL without the right to see frames.
 */
uint64_t merged_bytes(const struct contents *contents, bool exact, pid_t pid, int dir,
		      void (*go_on)(void));

#endif
