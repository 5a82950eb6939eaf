/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chore of the host's KSM: what boost and pressure wish of it, told to ksm_tuning.h, which decides, writes, and keeps what
 * was there before. Nothing is wished unless the settings say so.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/common/ksm.h"
#include "hook/common/ksm_tuning.h"
#include "hook/common/log.h"
#include "hook/common/switched.h"
#include "hook/notify/steward/boost.h"
#include "hook/notify/steward/chores.h"
#include "hook/notify/steward/pressure.h"
#include "oci-config/cleanup.h"

#define TRY_AGAIN 5000 /* ms */

/* The records that there are: each as a number that is its own. */
struct seen {
	uint64_t *of;
	size_t count;
};

static struct {
	struct boost boost;
	struct pressure pressure;
	struct seen seen;
	int64_t pressure_due;
	struct ksm_wishes told; /* what we have wished last */
	int64_t again; /* when a wish that could not be noted is wished again; 0: none is open */
	int64_t run;   /* what it was then */
	int64_t begun_scans;
	bool boosts;  /* a new record is a start */
	bool refused; /* that we may not write has been told */
} own;

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* FNV-1a. */
static uint64_t number_of(const char *name, uint64_t since)
{
	uint64_t hash = 0xcbf29ce484222325u ^ since;

	for (const char *p = name; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 0x100000001b3u;
	return hash;
}

static void add(struct seen *seen, uint64_t number)
{
	uint64_t *more = reallocarray(seen->of, seen->count + 1, sizeof(*more));

	if (!more)
		return;
	seen->of = more;
	seen->of[seen->count++] = number;
}

static void add_containers(int fd, struct seen *seen)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;

	if (!dir && copy >= 0)
		close(copy);
	while (dir && (entry = readdir(dir))) {
		const char *end = strrchr(entry->d_name, '.');

		if (entry->d_name[0] != '.' && end && strcmp(end, ".json") == 0)
			add(seen, number_of(entry->d_name, 0));
	}
}

/* Those that are switched on, each time. */
static void add_switched(int fd, struct seen *seen)
{
	struct switched *list = NULL;
	size_t count = 0;

	if (switched_list(fd, &list, &count, NULL) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		if (list[i].merging)
			add(seen, number_of(list[i].id, list[i].since));
	switched_list_free(list, count);
}

/* Are there records that were not there before? */
static bool look_for_new(const struct steward *steward)
{
	struct seen now = {0};
	bool any = false;

	add_containers(steward->containers, &now);
	add_switched(steward->switched, &now);
	if (now.count)
		qsort(now.of, now.count, sizeof(*now.of), compare);
	for (size_t i = 0, j = 0; i < now.count && !any; i++) {
		while (j < own.seen.count && own.seen.of[j] < now.of[i])
			j++;
		any = j == own.seen.count || own.seen.of[j] != now.of[i];
	}
	free(own.seen.of);
	own.seen = now;
	return any;
}

static int64_t figure(const char *name)
{
	int64_t value = ksm_sys_get(name);

	return value == KSM_UNKNOWN ? 0 : value;
}

static void look_at_ksmd(struct boost_sample *ret)
{
	*ret = (struct boost_sample){
		.now = steward_now(),
		.full_scans = figure("full_scans"),
		.tracked = figure("pages_shared") + figure("pages_sharing") +
			   figure("pages_unshared") + figure("pages_volatile"),
		.cpu = ksm_cpu_seconds(),
	};
}

static void do_boost(const struct steward *steward, bool started)
{
	const struct ocfg_boost *settings = &steward->settings.ksm.boost;
	struct boost_sample sample;

	if (!settings->on) {
		own.boost = (struct boost){0};
		return;
	}
	if (!started && own.boost.pages == 0)
		return;
	look_at_ksmd(&sample);
	if (started && own.boost.pages == 0)
		own.begun_scans = sample.full_scans;
	if (started)
		boost_begin(&own.boost, settings, &sample);
	else
		boost_step(&own.boost, settings, &sample);
	if (!started && own.boost.pages == 0)
		log_line(LOG_LEVEL_INFO, "boost: over after %" PRId64 " s and %" PRId64 " scans",
			 (sample.now - own.boost.begun) / 1000,
			 sample.full_scans - own.begun_scans);
}

static void do_pressure(const struct steward *steward)
{
	const struct ocfg_pressure *settings = &steward->settings.ksm.pressure;
	struct pressure_sample sample = {.now = steward_now()};
	bool before = own.pressure.scan;

	if (!settings->on) {
		own.pressure = (struct pressure){0};
		return;
	}
	if (sample.now < own.pressure_due)
		return;
	own.pressure_due = sample.now + PRESSURE_STEP;
	sample.full_scans = figure("full_scans");
	pressure_read(&sample);
	pressure_step(&own.pressure, settings, &sample);
	if (own.pressure.scan != before)
		log_line(LOG_LEVEL_INFO,
			 "pressure: %.1f %% of memory available, %.1f %% waiting: %s",
			 sample.available, sample.stall < 0 ? 0 : sample.stall,
			 own.pressure.scan ? "ksmd scans" : "ksmd rests");
}

static bool same(const struct ksm_wishes *a, const struct ksm_wishes *b)
{
	return a->boost == b->boost && a->pressure == b->pressure;
}

/* A line for what was done at the beginning and the end; batches that only become larger or smaller are not worth one. */
static void tell(const struct ksm_outcome *outcome, bool all)
{
	for (unsigned i = 0; i < outcome->plan.count; i++) {
		enum ksm_step_kind kind = outcome->plan.step[i].kind;
		char text[ERROR_SIZE + 64];
		bool bad = outcome->error[i].code || kind >= KSM_STEP_LEAVE;

		if (kind == KSM_STEP_FORGET || (!bad && !all))
			continue;
		log_line(bad ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "ksmd: %s",
			 ksm_outcome_text(outcome, i, text, sizeof(text)));
	}
}

/* What cannot be done, because the folder of state is full, is done later, and told once. */
static void wish(const struct steward *steward, const struct ksm_wishes *wishes)
{
	bool paced = wishes->boost && own.told.boost && wishes->pressure == own.told.pressure;
	struct ksm_outcome outcome;
	struct error err = {0};

	if (ksm_tuning_steward(steward->state, wishes, &outcome, &err) < 0) {
		if (!own.again)
			log_error(&err, "ksmd, trying again");
		own.again = steward_now() + TRY_AGAIN;
	} else {
		tell(&outcome, !paced || own.again);
		own.again = 0;
	}
	own.told = *wishes;
	own.run = figure("run");
}

/* What a steward that was killed has left is ours to put back. */
static bool has_predecessor(const struct steward *steward)
{
	struct ksm_tuning tuning;
	struct error err = {0};

	if (ksm_tuning_load(steward->state, &tuning, &err) < 0) {
		log_error(&err, "ksmd");
		return false;
	}
	return tuning.steward != 0;
}

static bool may_write(const struct steward *steward)
{
	const struct ocfg_ksm_settings *settings = &steward->settings.ksm;

	if (access(KSM_SYS_DIR "/run", W_OK) == 0)
		return true;
	if ((settings->boost.on || settings->pressure.on) && !own.refused) {
		log_line(LOG_LEVEL_WARNING,
			 "ksmd: boost and pressure are only for who may write " KSM_SYS_DIR
			 "/run, ignoring");
		own.refused = true;
	}
	return false;
}

static int64_t run(struct steward *steward, unsigned news)
{
	const struct ocfg_ksm_settings *settings = &steward->settings.ksm;
	struct ksm_wishes wishes = KSM_WISHES_NONE;
	bool force = false, started;
	int64_t due = CHORE_NEVER;

	if (!may_write(steward))
		return CHORE_NEVER;
	if (news & NEWS_START)
		force = has_predecessor(steward);
	if (news & NEWS_SETTINGS)
		own.pressure_due = 0;
	/* What is there when a boost is first wished for has been through its scans, or is none of ours. */
	started = news && look_for_new(steward) && own.boosts;
	own.boosts = settings->boost.on;
	do_boost(steward, started);
	do_pressure(steward);
	wishes.boost = own.boost.pages;
	if (settings->pressure.on)
		wishes.pressure = own.pressure.scan ? KSM_PRESSURE_SCAN : KSM_PRESSURE_REST;
	/* A boost begins to matter when somebody switches ksmd on. */
	if (wishes.boost && figure("run") != own.run)
		force = true;
	if (own.again ? own.again <= steward_now() : force || !same(&wishes, &own.told))
		wish(steward, &wishes);
	if (own.boost.pages)
		due = steward_now() + BOOST_STEP;
	if (settings->pressure.on && own.pressure_due < due)
		due = own.pressure_due;
	if (own.again && own.again < due)
		due = own.again;
	return due;
}

static void end(struct steward *steward)
{
	const struct ksm_wishes none = KSM_WISHES_NONE;

	if (own.again || !same(&own.told, &none))
		wish(steward, &none);
}

const struct chore chore_ksmd = {
	.news = NEWS_CONTAINERS | NEWS_SWITCHED,
	.run = run,
	.end = end,
};
