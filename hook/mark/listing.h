/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a cgroup, or those that descend from one. */
#ifndef HOOK_MARK_LISTING_H
#define HOOK_MARK_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hook/mark/mark.h"

/* Called for every process, some perhaps twice, until it returns false. */
typedef bool listing_each(pid_t pid, void *data);

/* Those in the cgroup with this folder and below; at most so many. */
void listing_cgroup(int dir, size_t most, listing_each *each, void *data);
/* The process that began then, what it has started, and so on. */
void listing_descendants(pid_t pid, uint64_t start_time, size_t most, listing_each *each,
			 void *data);
/* A text of decimal numbers with white space between them, in a file that may be long. False: `each` said so. */
bool listing_numbers(int fd, listing_each *each, void *data);

/* Those that are meant. */
void listing_target(const struct mark_target *target, size_t most, listing_each *each, void *data);

#endif
