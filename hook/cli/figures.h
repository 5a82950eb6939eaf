/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of all containers and runs that can be merged: what `status`, `top` and `metrics` show. */
#ifndef HOOK_CLI_FIGURES_H
#define HOOK_CLI_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hook/common/switched.h"
#include "oci-config/error.h"
#include "oci-config/state.h"

/* Sums over its processes, in bytes where no unit is said; KSM_UNKNOWN if it is not known of one of them. */
struct figures {
	struct ocfg_record record; /* of one that was switched on without a record, only the ID */
	struct switched switched;  /* how it was switched while it runs; no id: not at all */
	char *name;   /* given by its engine (hook/common/engine_names.h); NULL: none. Escape it. */
	pid_t parent; /* of its first process when the name was looked for */
	char command[64]; /* name of its first process; whatever that calls itself */
	pid_t *pids;
	size_t count;	   /* of pids; some may be gone */
	bool held_up;	   /* a process of it kept us from seeing all (ksm_groups_read) */
	int64_t processes; /* that it has now: a number */
	int64_t mergeable; /* of them, how many have memory that ksmd looks at: a number */
	int64_t anonymous; /* in RAM */
	int64_t merged; /* of what it maps, shared with equal pages by KSM, or with the zero page */
	int64_t zero;	/* of this, with the zero page */
	int64_t scanned; /* pages that ksmd keeps books of and looks at in each scan */
	int64_t saved;	 /* what the kernel reckons as its profit */
	int64_t ratio;	 /* scanned to merged, in thousandths; TABLE_ENDLESS: nothing is merged */
	int64_t share;	 /* of all that ksmd scans on this host, in millionths */
	/* What figures_count has counted in frames; KSM_UNKNOWN before. */
	int64_t frames;	 /* that its anonymous memory takes, each once */
	int64_t counted; /* saved */
	/* What trends_update knows; KSM_UNKNOWN before. */
	int64_t change; /* of saved, since the last look */
	int64_t trend;	/* of saved, since the first look */
	int64_t ksmd;	/* CPU time of ksmd for it since the last look, in millionths of a CPU */
};

/*
 * Those that have processes, sorted by ID; figures_free frees them. What ends meanwhile is counted as far as it was seen, or
 * left out; that is no error. What is wrong in the settings or in a record is told on stderr.
 */
int figures_load(struct figures **ret, size_t *ret_count, struct error *err);
/*
 * The same, cheaper, if these were there a while ago; in any order. Names that they have are not looked for again. Only those
 * with one of `ids`, of which some may be gone; all where `id_count` is 0.
 */
int figures_load_again(const struct figures *before, size_t before_count, char *const *ids,
		       size_t id_count, struct figures **ret, size_t *ret_count, struct error *err);
void figures_free(struct figures *figures, size_t count);

/* Its mode now: "off" also if it was switched off, "enabled" if it was switched on and nothing else. buf: 64 bytes. */
const char *figures_mode(const struct figures *figures, char *buf, size_t size);
/* Why it is so, as who switched it says, or its record; may be NULL. */
const char *figures_reason(const struct figures *figures);

/*
 * Leaves only those that the arguments name as targets (hook/cli/targets.h): a process or a cgroup stands for all that have a
 * process of it. All where `arg_count` is 0. -ESRCH or -EINVAL says which one names nothing, too much, or nothing
 * that is among them; the list is as before then.
 */
int figures_choose(struct figures *figures, size_t *count, char *const *args, size_t arg_count,
		   struct error *err);
/* The same for targets that are found; args[i] is what errors call targets[i]. */
struct target;
int figures_select(struct figures *figures, size_t *count, const struct target *targets,
		   char *const *args, size_t target_count, struct error *err);

enum figures_key {
	FIGURES_SAVED,
	FIGURES_MERGED,
	FIGURES_ANONYMOUS,
	FIGURES_PROCESSES,
	FIGURES_ID
};
/* Largest first, IDs from A on; `reverse` the other way round. What is not known is last in any case. */
void figures_sort(struct figures *figures, size_t count, enum figures_key key, bool reverse);

/* What is not known of one is not known of all. */
void figures_add(int64_t *sum, int64_t value);
/* Their sums; the trends as well. Of `ret` only the sums are set, nothing is to be freed. */
void figures_total(const struct figures *figures, size_t count, struct figures *ret);

#endif
