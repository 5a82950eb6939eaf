/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was switched on or off while it runs: one small JSON file a container, <state_dir>/switched/ID.json. Containers
 * without a record of ours can have one, too.
 */
#ifndef HOOK_COMMON_SWITCHED_H
#define HOOK_COMMON_SWITCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci-config/error.h"

#define SWITCHED_DIR "switched" /* for paths_state_dir */
/* The reason while somebody is unmarking it: nobody else should. */
#define SWITCHED_BEGUN	   "merging is being switched off"
#define SWITCHED_BEGUN_MAX 600 /* s: whoever wrote that has been killed if it is older */

/* Strings are owned by who loaded it; switched_done frees. NULL/0: none. */
struct switched {
	char *id; /* as ocfg_id_is_valid */
	char *cgroup; /* path of its folder; NULL: it is its first process and what descends from that */
	uint64_t
		cgroup_inode; /* of that folder: another one with the same path is another container; 0: not known */
	pid_t pid; /* its first process, and when that began */
	uint64_t start_time;
	bool alone;		  /* that one process only */
	bool merging;		  /* switched on; else off */
	char *by;		  /* "operator" or "guard" */
	char *reason;		  /* one sentence, with the figures */
	uint64_t since, retry_at; /* Unix seconds; retry_at 0: never by itself */
};

/* Is somebody unmarking it at this moment? */
bool switched_is_begun(const struct switched *switched);

/* Does it still run: its first process, or another one in that very cgroup? */
bool switched_is_alive(const struct switched *switched);

/*
 * Waits until nobody else holds it; to be closed. Who changes a file holds it from the load to the save, and who marks
 * because a file says so from the load until it has marked: nothing is marked after somebody has written "off".
 */
int switched_lock(int dirfd, struct error *err);
/* The same, but -EAGAIN if somebody else holds it. */
int switched_try_lock(int dirfd, struct error *err);

/* dirfd: the folder. Replaces the file atomically. Everybody who may see the folder may read it. */
int switched_save(int dirfd, const struct switched *switched, struct error *err);
/* -ENOENT: there is none, or it is of a container that is gone; such a file is removed. */
int switched_load(int dirfd, const char *id, struct switched *ret, struct error *err);
/* No error if there is none. */
int switched_remove(int dirfd, const char *id, struct error *err);
/* All, by ID; files that cannot be understood are left out. switched_list_free frees. */
int switched_list(int dirfd, struct switched **ret, size_t *ret_count, struct error *err);

void switched_done(struct switched *switched);
void switched_list_free(struct switched *list, size_t count);

#endif
