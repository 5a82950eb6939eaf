/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chore `newcomers`: containers that were switched while they run stay so as a whole. Of those that are on, new
 * processes are made mergeable (children inherit that, sessions that `exec` starts do not), and where the kernel marks regions
 * only, what the others have mapped since. Of those that are off, whatever made itself mergeable again is unmarked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hook/common/ksm.h"
#include "hook/common/log.h"
#include "hook/common/proc.h"
#include "hook/notify/steward/chores.h"
#include "hook/notify/steward/switching.h"
#include "oci-config/cleanup.h"

/* All times are in ms. */
#define ON_EVERY  1000
#define OFF_EVERY 10000
/* Processes that live no longer than this are not worth being stopped. */
#define AGE_MIN 1000
/* What is looked at as a whole again, or cannot be done: ever less often. */
#define AGAIN_FIRST 2000
#define AGAIN_MAX   600000
/* Looking takes at most a quarter of one CPU, however many there are. */
#define REST 3

struct followed {
	struct switched who;
	pid_t *known; /* sorted: those that need not be looked at again */
	size_t count;
	int64_t again, pause; /* when all of it is looked at again */
	int64_t due;
	bool complained;
};

static struct {
	struct followed *list;
	size_t count;
} all;

static void forget(struct followed *one)
{
	switched_done(&one->who);
	free(one->known);
}

static bool is_same(const struct switched *a, const struct switched *b)
{
	return strcmp(a->id, b->id) == 0 && a->pid == b->pid && a->start_time == b->start_time &&
	       a->merging == b->merging && a->since == b->since;
}

/* What was known of it goes to the new one. */
static void take_over(struct followed *to, struct followed *from, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!from[i].who.id || !is_same(&to->who, &from[i].who))
			continue;
		to->known = steal_pointer(&from[i].known);
		to->count = from[i].count;
		to->again = from[i].again;
		to->pause = from[i].pause;
		to->due = from[i].due;
		to->complained = from[i].complained;
	}
}

/* The records, as they are now. */
static void reload(const struct steward *steward)
{
	struct switched *list = NULL;
	struct followed *followed = NULL;
	struct error err = {0};
	size_t count = 0;
	int rc = switched_list(steward->switched, &list, &count, &err);

	if (rc == 0 && count && !(followed = calloc(count, sizeof(*followed))))
		rc = error_set(&err, ENOMEM, "list of containers");
	if (rc != 0) {
		log_error(&err, "newcomers");
		switched_list_free(list, count);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		followed[i] = (struct followed){.who = list[i], .again = INT64_MAX};
		take_over(&followed[i], all.list, all.count);
	}
	free(list); /* the records are in `followed` */
	for (size_t i = 0; i < all.count; i++)
		forget(&all.list[i]);
	free(all.list);
	all.list = followed;
	all.count = count;
}

static int compare(const void *a, const void *b)
{
	const pid_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static bool is_known(const struct followed *one, pid_t pid)
{
	return one->count && bsearch(&pid, one->known, one->count, sizeof(pid), compare);
}

static bool is_young(pid_t pid)
{
	struct proc_stat stat;
	struct timespec now;
	int64_t age;

	clock_gettime(CLOCK_BOOTTIME, &now);
	if (proc_stat_read(pid, &stat, NULL) < 0)
		return true;
	age = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 -
	      (int64_t)stat.start_time * 1000 / sysconf(_SC_CLK_TCK);
	return age < AGE_MIN;
}

/* What cannot be known is not worth a stop. */
static bool merges_whole(const struct ksm_process *figures)
{
	return figures->anonymous == KSM_UNKNOWN || figures->merge_any == 1;
}

static bool merges_at_all(const struct ksm_process *figures)
{
	return figures->mergeable != KSM_UNKNOWN
		       ? figures->merge_any == 1 || figures->mergeable == 1
		       : figures->rmap_items > 0;
}

static void complain(struct followed *one, const char *what, const struct error *err)
{
	if (one->complained)
		return;
	one->complained = true;
	log_container(one->who.id);
	log_error(err, what);
	log_container("");
}

static void look_again_later(struct followed *one, int64_t now)
{
	one->pause = one->pause ? 2 * one->pause : AGAIN_FIRST;
	if (one->pause > AGAIN_MAX)
		one->pause = AGAIN_MAX;
	one->again = now + one->pause;
}

static bool left_alone_any(const struct mark_result *result)
{
	for (size_t i = 0; i < MARK_REASONS; i++)
		if (result->left_alone[i])
			return true;
	return false;
}

static void mark(const struct steward *steward, struct followed *one, int64_t now)
{
	struct mark_result result = {0};
	struct error err = {0};
	int rc = switching_mark(steward, &one->who, &result, &err);

	if (rc < 0 && rc != -EAGAIN && rc != -ECANCELED && rc != -ESRCH)
		complain(one, "new processes stay unmerged", &err);
	if (rc == 0 && result.whole == result.processes && !left_alone_any(&result))
		one->again = INT64_MAX;
	else
		look_again_later(one, now);
}

static void unmark(const struct steward *steward, struct followed *one, int64_t now)
{
	struct mark_result result = {0};
	struct error err = {0};
	int rc = switching_unmark(steward, &one->who, &result, &err);

	if (rc < 0 && rc != -ECANCELED && rc != -ESRCH)
		complain(one, "some of it still merges", &err);
	look_again_later(one, now);
}

/* Of one that is on. `pids` becomes what is known; those that are new lie at its end. */
static void look_on(const struct steward *steward, struct followed *one, pid_t *pids, size_t count,
		    struct ksm_process *figures, int64_t now)
{
	size_t kept = 0, old = 0, i;
	bool found = false;

	for (i = 0; i < count; i++) {
		pid_t pid = pids[i];

		if (is_known(one, pid)) {
			pids[kept++] = pids[old];
			pids[old++] = pid;
		} else if (!is_young(pid)) {
			pids[kept++] = pid;
		}
	}
	/* Who holds us up is not looked at again. */
	if (!ksm_processes_read(pids + old, kept - old, figures))
		for (i = 0; i < kept - old; i++)
			found = found || !merges_whole(&figures[i]);
	if (kept)
		qsort(pids, kept, sizeof(*pids), compare);
	free(one->known);
	one->known = pids;
	one->count = kept;
	one->due = now + ON_EVERY;
	if (found)
		one->pause = 0;
	if (found || one->again <= now)
		mark(steward, one, now);
}

static void look_off(const struct steward *steward, struct followed *one, const pid_t *pids,
		     size_t count, struct ksm_process *figures, int64_t now)
{
	size_t i = 0;

	one->due = now + OFF_EVERY;
	/* The guard's is a steward's that was killed in it. */
	if (switched_is_begun(&one->who) &&
	    !(one->who.by && strcmp(one->who.by, SWITCHING_GUARD) == 0))
		return;
	ksm_processes_read(pids, count, figures);
	while (i < count && !merges_at_all(&figures[i]))
		i++;
	if (i == count)
		one->pause = 0;
	else if (one->again == INT64_MAX || one->again <= now)
		unmark(steward, one, now);
}

/* Returns whether it is still there. */
static bool look(const struct steward *steward, struct followed *one, int64_t now)
{
	cleanup_free struct ksm_process *figures = NULL;
	cleanup_free pid_t *pids = NULL;
	size_t count = 0;

	if (switching_list(&one->who, &pids, &count) < 0 ||
	    !(figures = calloc(count + 1, sizeof(*figures))))
		return true;
	if (one->who.merging)
		look_on(steward, one, steal_pointer(&pids), count, figures, now);
	else
		look_off(steward, one, pids, count, figures, now);
	return count > 0;
}

static int64_t run(struct steward *steward, unsigned news)
{
	int64_t now = steward_now(), next = CHORE_NEVER, end;
	bool gone = false;

	if (news & (NEWS_START | NEWS_SWITCHED))
		reload(steward);
	for (size_t i = 0; i < all.count; i++) {
		struct followed *one = &all.list[i];

		if (one->due <= now && !look(steward, one, now))
			gone = true;
		steward_goes_on();
	}
	if (gone)
		reload(steward);
	for (size_t i = 0; i < all.count; i++)
		next = all.list[i].due < next ? all.list[i].due : next;
	end = steward_now();
	if (next < end + (end - now) * REST)
		next = end + (end - now) * REST;
	return next;
}

const struct chore chore_newcomers = {.news = NEWS_SWITCHED, .run = run};
