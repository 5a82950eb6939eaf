/* SPDX-License-Identifier: Apache-2.0 */
/* The host's KSM as oci-ksm changes it: the only place that writes /sys/kernel/mm/ksm. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "hook/common/ksm_tuning.h"
#include "hook/common/paths.h"
#include "hook/common/proc.h"
#include "oci-config/cleanup.h"

#define LOCK_NAME "tune.lock"

/* Locked as long as it is open. */
static int lock(int dir, struct error *err)
{
	cleanup_close int fd =
		openat(dir, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return error_set(err, errno, "open " LOCK_NAME);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return error_set(err, errno, "lock " LOCK_NAME);
	return steal_fd(&fd);
}

/* What did not work is not ours. */
static void take_back(struct ksm_held *held, enum ksm_step_kind kind)
{
	if (kind == KSM_STEP_WRITE && held->was == held->before)
		*held = (struct ksm_held){0};
	else if (kind == KSM_STEP_WRITE)
		held->wrote = held->was;
}

static void do_steps(struct ksm_outcome *outcome, struct ksm_held held[KSM_KNOBS])
{
	for (unsigned i = 0; i < outcome->plan.count; i++) {
		const struct ksm_step *step = &outcome->plan.step[i];

		if (step->kind > KSM_STEP_RESTORE)
			continue;
		if (ksm_knob_write(step->knob, step->to, &outcome->error[i]) < 0)
			take_back(&held[step->knob], step->kind);
		else if (step->kind == KSM_STEP_RESTORE)
			held[step->knob] = (struct ksm_held){0};
	}
}

static bool writes(const struct ksm_plan *plan)
{
	for (unsigned i = 0; i < plan->count; i++)
		if (plan->step[i].kind == KSM_STEP_WRITE)
			return true;
	return false;
}

/* Which folder is full, or not to be written to? */
static int save(int dir, const struct ksm_tuning *tuning, struct error *err)
{
	char path[PATH_MAX];
	int rc = ksm_tuning_save(dir, tuning, err);

	if (rc < 0 && paths_of_fd(dir, path, sizeof(path), NULL) == 0)
		return error_wrap(err, "%s", path);
	return rc;
}

/*
 * The old values are on disk before the first new one is written, so that whoever is killed leaves a way back. Putting
 * them back needs nothing on disk: not even a full one keeps us from it.
 */
static int carry_out(int dir, struct ksm_tuning *tuning, bool asked, bool dry,
		     struct ksm_outcome *ret, struct error *err)
{
	struct ksm_outcome outcome = {0};
	struct ksm_knobs now;
	int rc;

	ksm_knobs_read(&now);
	ksm_wishes_plan(&tuning->wishes, &now, asked, tuning->held, &outcome.plan);
	if (!dry) {
		rc = save(dir, tuning, err);
		if (rc < 0 && writes(&outcome.plan))
			return rc;
		do_steps(&outcome, tuning->held);
		rc = save(dir, tuning, err);
		if (rc < 0)
			return rc;
	}
	*ret = outcome;
	return 0;
}

static void forget_steward(struct ksm_tuning *tuning)
{
	tuning->wishes.boost = 0;
	tuning->wishes.pressure = KSM_PRESSURE_NONE;
	tuning->steward = 0;
	tuning->steward_start = 0;
}

int ksm_tuning_tune(int dir, const struct ksm_knobs *wish, bool dry, struct ksm_outcome *ret,
		    struct error *err)
{
	cleanup_close int locked = -1;
	struct ksm_tuning tuning;
	int rc;

	if (!dry)
		locked = lock(dir, err);
	if (!dry && locked < 0)
		return locked;
	rc = ksm_tuning_load(dir, &tuning, err);
	if (rc < 0)
		return rc;
	if (tuning.steward && !proc_is_running(tuning.steward, tuning.steward_start))
		forget_steward(&tuning);
	tuning.wishes.tune = *wish;
	return carry_out(dir, &tuning, true, dry, ret, err);
}

int ksm_tuning_steward(int dir, const struct ksm_wishes *wishes, struct ksm_outcome *ret,
		       struct error *err)
{
	cleanup_close int locked = lock(dir, err);
	struct ksm_tuning tuning;
	int rc;

	if (locked < 0)
		return locked;
	rc = ksm_tuning_load(dir, &tuning, err);
	if (rc < 0)
		return rc;
	forget_steward(&tuning);
	if (wishes->boost || wishes->pressure != KSM_PRESSURE_NONE) {
		struct proc_stat self;

		rc = proc_stat_read(getpid(), &self, err);
		if (rc < 0)
			return rc;
		tuning.steward = getpid();
		tuning.steward_start = self.start_time;
		tuning.wishes.boost = wishes->boost;
		tuning.wishes.pressure = wishes->pressure;
	}
	return carry_out(dir, &tuning, false, false, ret, err);
}

const char *ksm_outcome_text(const struct ksm_outcome *outcome, unsigned i, char *buf, size_t size)
{
	const struct ksm_step *step = &outcome->plan.step[i];
	char from_buf[24], to_buf[24];
	const char *name = ksm_knob_name(step->knob);
	const char *from = ksm_knob_text(step->knob, step->from, from_buf);
	const char *to = ksm_knob_text(step->knob, step->to, to_buf);

	if (outcome->error[i].code == EBUSY)
		snprintf(buf, size, "%s: stays %s instead of %s, pages are merged (EBUSY)", name,
			 from, to);
	else if (outcome->error[i].code)
		snprintf(buf, size, "%s: stays %s: %s", name, from, outcome->error[i].msg);
	else if (step->kind == KSM_STEP_LEAVE)
		snprintf(buf, size, "%s: left at %s, somebody else has changed it; it was %s", name,
			 from, to);
	else if (step->kind == KSM_STEP_REFUSE)
		snprintf(buf, size, "%s: left at %s instead of %s, somebody else has changed it",
			 name, from, to);
	else
		snprintf(buf, size, "%s: %s -> %s", name, from, to);
	return buf;
}
