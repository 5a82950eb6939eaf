/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chore `profit`, the profit guard: containers whose merging costs more than it saves are switched off and tried again
 * later. It waits for whole scans of ksmd, not for time; profit_rule.c decides.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hook/common/log.h"
#include "hook/notify/steward/chores.h"
#include "hook/notify/steward/guarded.h"
#include "hook/notify/steward/profit_rule.h"
#include "hook/notify/steward/switching.h"
#include "oci-config/cleanup.h"

/* How soon it looks whether another scan is over: a quarter of the time since the last one was, in these bounds (ms). */
#define NAP_MIN 1000
#define NAP_MAX 60000
#define TEXT	256

static struct {
	struct guarded_list guarded;
	uint64_t scans;	  /* whole ones so far */
	uint64_t checked; /* and when all were checked the last time */
	int64_t scans_at; /* when it was seen that there were more */
	int64_t again;	  /* when records of what did not run are looked at again */
	int64_t pause;
	bool cannot_judge; /* and this has been said */
} guard;

static uint64_t unix_time(void)
{
	return (uint64_t)time(NULL);
}

static void tell(const struct guarded *one, enum log_level level, const char *text)
{
	log_container(one->who.id);
	log_line(level, "profit guard: %s", text);
	log_container("");
}

static void tell_error(const struct guarded *one, const char *what, int rc, const struct error *err)
{
	/* Somebody else was first, or it has ended: no decision of ours. */
	if (rc == -ECANCELED || rc == -ESRCH || rc == -EAGAIN)
		return;
	log_container(one->who.id);
	log_error(err, what);
	log_container("");
}

/* Can this kernel tell what a process costs? Of ourselves it tells whatever it tells. */
static bool can_judge(void)
{
	struct ksm_process own;
	struct profit_figures figures = {0};

	if (ksm_process_read(getpid(), &own, NULL) < 0)
		return false;
	profit_add(&figures, &own);
	return profit_judge(&figures, getpagesize()) != PROFIT_UNKNOWN &&
	       ksm_sys_get("full_scans") != KSM_UNKNOWN;
}

static void figures_of(const struct guarded *one, struct profit_figures *ret)
{
	cleanup_free struct ksm_process *processes = NULL;
	cleanup_free pid_t *pids = NULL;
	size_t count = 0;

	*ret = (struct profit_figures){0};
	if (switching_list(&one->who, &pids, &count) < 0 ||
	    !(processes = calloc(count + 1, sizeof(*processes))))
		return;
	ksm_processes_read(pids, count, processes);
	for (size_t i = 0; i < count; i++)
		profit_add(ret, &processes[i]);
}

/* `pause`: seconds, 0: it is not to be tried again, as it merges. */
static int write_record(const struct steward *steward, struct guarded *one, const char *reason,
			uint64_t pause, struct error *err)
{
	struct switched record = one->who;
	int rc;

	record.merging = pause == 0;
	record.by = (char *)SWITCHING_GUARD;
	record.reason = (char *)reason;
	record.since = unix_time();
	record.retry_at = pause ? record.since + pause : 0;
	rc = switching_write(steward, &record, err);
	if (rc < 0)
		return rc;
	one->before.merging = record.merging;
	one->before.retry_at = record.retry_at;
	return 0;
}

static void disable(const struct steward *steward, struct guarded *one, const char *figures)
{
	uint64_t pause = profit_pause(&steward->settings.profit_guard, one->pause);
	struct mark_result result = {0};
	struct error err = {0};
	char reason[TEXT], line[2 * TEXT];
	int rc;

	snprintf(reason, sizeof(reason), "merging does not pay: after %llu scans %s",
		 (unsigned long long)(guard.scans - one->before.scans), figures);
	/* Nobody marks it from here on; its trust domain holds it until the second time. */
	rc = write_record(steward, one, SWITCHED_BEGUN, pause, &err);
	if (rc < 0) {
		tell_error(one, "profit guard", rc, &err);
		return;
	}
	one->pause = pause;
	rc = switching_unmark(steward, &one->who, &result, &err);
	if (rc < 0)
		tell_error(one, "profit guard: some of it stays merged", rc, &err);
	rc = write_record(steward, one, reason, pause, &err);
	if (rc < 0) {
		tell_error(one, "profit guard", rc, &err);
		return;
	}
	snprintf(line, sizeof(line), "%s; switched off, to be tried again in %llu s", reason,
		 (unsigned long long)pause);
	tell(one, LOG_LEVEL_INFO, line);
}

/* Another trust domain merges now. */
static void postpone(const struct steward *steward, struct guarded *one, const struct error *why)
{
	struct error err = {0};
	char reason[TEXT + ERROR_SIZE];
	uint64_t pause = one->pause ? one->pause : steward->settings.profit_guard.pause;

	snprintf(reason, sizeof(reason), "merging is not tried again for %llu s: %s",
		 (unsigned long long)pause, why->msg);
	if (write_record(steward, one, reason, pause, &err) == 0)
		tell(one, LOG_LEVEL_INFO, reason);
}

static void retry(const struct steward *steward, struct guarded *one)
{
	struct mark_result result = {0};
	struct error err = {0};
	char reason[TEXT];
	int rc;

	snprintf(reason, sizeof(reason), "merging is tried again after a pause of %llu s",
		 (unsigned long long)one->pause);
	rc = write_record(steward, one, reason, 0, &err);
	if (rc == -EBUSY) {
		postpone(steward, one, &err);
		return;
	}
	if (rc == 0)
		rc = switching_mark(steward, &one->who, &result, &err);
	if (rc < 0) {
		tell_error(one, "profit guard", rc, &err);
		return;
	}
	tell(one, LOG_LEVEL_INFO, reason);
	one->before = (struct profit_before){.merging = true, .scans = guard.scans};
	one->on_trial = true;
	one->tried_at = guard.scans;
}

/* It pays for as many scans as it once did not: its next pause would be as short as the first. */
static void end_trial(const struct steward *steward, struct guarded *one, const char *figures)
{
	struct error err = {0};
	char reason[TEXT];
	int rc;

	if (!one->on_trial || guard.scans - one->tried_at <= steward->settings.profit_guard.scans)
		return;
	snprintf(reason, sizeof(reason), "merging pays: %s", figures);
	rc = write_record(steward, one, reason, 0, &err);
	if (rc < 0) {
		tell_error(one, "profit guard", rc, &err);
		return;
	}
	tell(one, LOG_LEVEL_INFO, reason);
	one->on_trial = false;
	one->pause = 0;
}

static void leave_on(struct guarded *one, const char *figures)
{
	char line[TEXT];

	if (one->told)
		return;
	one->told = true;
	snprintf(line, sizeof(line), "merging does not pay, but is left on, as %s: %s",
		 one->left_on, figures);
	tell(one, LOG_LEVEL_WARNING, line);
}

static void check(const struct steward *steward, struct guarded *one)
{
	struct profit_now now = {.scans = guard.scans, .time = unix_time()};
	struct profit_figures figures = {0};
	enum profit_decision decision;
	char text[TEXT / 2];

	if (one->before.merging)
		figures_of(one, &figures);
	now.answer = profit_judge(&figures, getpagesize());
	profit_text(&figures, getpagesize(), text, sizeof(text));
	decision = profit_decide(&steward->settings.profit_guard, &now, &one->before);
	if (decision == PROFIT_RETRY)
		retry(steward, one);
	else if (decision == PROFIT_DISABLE && one->left_on)
		leave_on(one, text);
	else if (decision == PROFIT_DISABLE)
		disable(steward, one, text);
	else if (now.answer == PROFIT_PAYS)
		end_trial(steward, one, text);
	if (now.answer == PROFIT_PAYS)
		one->before.scans = guard.scans;
	steward_goes_on();
}

/* Returns when to look again. */
static int64_t check_all(const struct steward *steward, int64_t now)
{
	int64_t nap = (now - guard.scans_at) / 4, next = CHORE_NEVER;
	bool scanned = guard.scans != guard.checked;

	nap = nap < NAP_MIN ? NAP_MIN : nap > NAP_MAX ? NAP_MAX : nap;
	guard.checked = guard.scans;
	for (size_t i = 0; i < guard.guarded.count; i++) {
		struct guarded *one = &guard.guarded.list[i];
		int64_t due = now + nap;

		if (scanned || !one->before.merging)
			check(steward, one);
		if (!one->before.merging && one->before.retry_at > unix_time())
			due = now + (int64_t)(one->before.retry_at - unix_time()) * 1000;
		else if (!one->before.merging && !one->before.retry_at)
			due = CHORE_NEVER;
		next = due < next ? due : next;
	}
	return next;
}

static void reload(const struct steward *steward, bool news, int64_t now)
{
	struct error err = {0};

	if (guarded_reload(&guard.guarded, steward, steward->settings.profit_guard.enable,
			   guard.scans, &err) < 0)
		log_error(&err, "profit guard");
	guard.pause = news ? NAP_MIN : 2 * guard.pause < NAP_MAX ? 2 * guard.pause : NAP_MAX;
	guard.again = guard.guarded.incomplete ? now + guard.pause : CHORE_NEVER;
}

static void count_scans(int64_t now)
{
	int64_t scans = ksm_sys_get("full_scans");

	if (scans < 0 || (uint64_t)scans == guard.scans)
		return;
	guard.scans = (uint64_t)scans;
	guard.scans_at = now;
}

static int64_t run(struct steward *steward, unsigned news)
{
	bool enabled = steward->settings.profit_guard.enable;
	int64_t now = steward_now(), next;

	if (enabled && !can_judge()) {
		if (!guard.cannot_judge)
			log_line(LOG_LEVEL_WARNING,
				 "profit guard: this kernel does not tell what merging costs a "
				 "process (/proc/PID/ksm_stat): nothing is judged");
		guard.cannot_judge = true;
		return CHORE_NEVER;
	}
	if (!enabled)
		news &= ~(unsigned)NEWS_CONTAINERS;
	count_scans(now);
	if (news || guard.again <= now)
		reload(steward, news != 0, now);
	next = check_all(steward, now);
	return guard.again < next ? guard.again : next;
}

const struct chore chore_profit = {.news = NEWS_CONTAINERS | NEWS_SWITCHED, .run = run};
