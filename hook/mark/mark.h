/* SPDX-License-Identifier: Apache-2.0 */
/* Making the processes of a running container mergeable, or not any more, from outside. */
#ifndef HOOK_MARK_MARK_H
#define HOOK_MARK_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci-config/error.h"

/* Who is meant. */
struct mark_target {
	const char *
		cgroup; /* path of its folder: all in it and below; NULL: the process and its descendants */
	pid_t pid;	     /* its first process, if there is no cgroup */
	uint64_t start_time; /* of that */
	bool alone;	     /* that process without its descendants */
};

/* Why a process was left as it is. */
enum mark_reason {
	MARK_TRACED,	  /* by gdb, strace, ...; or stopped by job control */
	MARK_32BIT,	  /* runs code of another architecture */
	MARK_NOT_ALLOWED, /* another user's */
	MARK_FILTERED,	  /* its seccomp filters would see our call, and might kill it for that */
	MARK_STUCK, /* did not stop in time, or its memory cannot be read (a userfaultfd that nobody serves) */
	MARK_REFUSED, /* the kernel said no */
	MARK_REASONS
};
/* "traced by another program" */
const char *mark_reason_text(enum mark_reason reason);

/* What goes on, while it does. */
struct mark_progress {
	size_t processes, of; /* looked at */
	uint64_t merged;      /* unmark: bytes that are merged still */
};

/* Seccomp filters of a container that are known to let our calls pass (filters.c). */
struct mark_filters {
	unsigned count; /* that the runtime installs; 0: no filter is known */
	const char
		*namespace; /* "ns/pid" or "ns/mnt": whose processes have them, by the namespace that they are in */
	uint64_t inode; /* of that */
};
/*
 * Where filters cannot be suspended (PROBE_SUSPEND_SECCOMP). For the container with that ID, of which target->pid is the first
 * process. `records`: the open folder of our records, or -1. Any error: *ret is none, and err says why.
 */
int mark_filters_find(const struct mark_target *target, const char *id, int records,
		      struct mark_filters *ret, struct error *err);

struct mark_options {
	unsigned features; /* bits of enum probe, as probe_cached found */
	enum mark_how {
		MARK_AUTO,
		MARK_PROCESS,
		MARK_REGIONS
	} how;		 /* auto: PR_SET_MEMORY_MERGE where that is right */
	size_t min_size; /* of regions; 0: the default */
	struct mark_filters filters;
	uint64_t bytes_per_second; /* unmark: not faster; 0: the default */
	void (*progress)(const struct mark_progress *progress, void *data); /* or NULL */
	void *data;
};

struct mark_result {
	size_t processes; /* that are on now (unmark: off) */
	size_t changed;	  /* of these, those that were not before */
	size_t whole; /* of these, those by PR_SET_MEMORY_MERGE: what they map from now on is mergeable, too */
	uint64_t
		bytes; /* anonymous memory of the processes that are on; unmark: what was merged and is not any more */
	uint64_t merged; /* unmark: what is merged still */
	size_t left_alone[MARK_REASONS];
	pid_t example[MARK_REASONS]; /* one of these */
};

/*
 * Looks again until a pass finds no new process, at most some times. Processes that end meanwhile or must be left alone are
 * no errors. Forks a child that does it, so that what holds that up holds nobody else up; not for programs
 * with threads. Safe to repeat: what is on already costs a read of /proc. -ESRCH: there is no process.
 */
int mark_container(const struct mark_target *target, const struct mark_options *options,
		   struct mark_result *ret, struct error *err);
/*
 * Takes the marks away, slowly, and only as long as the memory limits of the cgroups and the host's memory have room for what
 * becomes separate pages again. -ENOMEM: they have not; err says which limit, *ret what has been done; the rest stays
 * merged, and mergeable.
 */
int unmark_container(const struct mark_target *target, const struct mark_options *options,
		     struct mark_result *ret, struct error *err);

#endif
