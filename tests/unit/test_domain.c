/* SPDX-License-Identifier: Apache-2.0 */
/* The trust domain that merges now, as records and what was switched tell it. */
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "hook/common/alive.h"
#include "hook/common/domain.h"
#include "hook/common/paths.h"
#include "hook/common/proc.h"
#include "hook/common/switched.h"
#include "oci-config/file.h"
#include "oci-config/mode.h"
#include "tests/unit/unit.h"

struct place {
	char *folder;
	struct ocfg_settings settings;
	pid_t child; /* that is alive */
	uint64_t start_time;
};

static int begin(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	struct proc_stat stat;

	assert_non_null(p);
	p->folder = temporary_make();
	p->settings.state_dir = p->folder;
	p->child = fork();
	if (p->child == 0) {
		pause();
		_exit(0);
	}
	assert_ok(proc_stat_read(p->child, &stat, &err));
	p->start_time = stat.start_time;
	*state = p;
	return 0;
}

static int end(void **state)
{
	struct place *p = *state;

	kill(p->child, SIGKILL);
	waitpid(p->child, NULL, 0);
	temporary_remove(p->folder);
	free(p);
	return 0;
}

/* Claims as a program does that then saves a record: alive if `pid` is the child's. */
static int claim(struct place *p, const char *id, const char *domain, pid_t pid, struct error *err)
{
	struct domain_guard guard;
	struct ocfg_record record = {.id = (char *)id,
				     .modes = OCFG_MODE_PROCESS,
				     .domain = *domain ? (char *)domain : NULL,
				     .pid = pid,
				     .start_time = p->start_time};
	int rc = domain_begin(&p->settings, &guard, err);

	if (rc == 0) {
		rc = domain_claim(&guard, id, domain, err);
		if (rc == 0)
			rc = ocfg_record_save(guard.records, &record, err);
		domain_end(&guard);
	}
	return rc;
}

static void save(struct place *p, const struct ocfg_record *record)
{
	cleanup_close int dir = paths_state_dir(&p->settings, "containers", NULL);

	assert_ok(ocfg_record_save(dir, record, &err));
}

static struct switched switched_of(const struct place *p, const char *id, bool merging)
{
	return (struct switched){
		.id = (char *)id, .pid = p->child, .start_time = p->start_time, .merging = merging};
}

static void switch_off(struct place *p, const char *id)
{
	cleanup_close int dir = paths_state_dir(&p->settings, SWITCHED_DIR, NULL);
	const struct switched switched = switched_of(p, id, false);

	assert_ok(switched_save(dir, &switched, &err));
}

static void begin_to_switch_off(struct place *p, const char *id, time_t since)
{
	cleanup_close int dir = paths_state_dir(&p->settings, SWITCHED_DIR, NULL);
	struct switched switched = switched_of(p, id, false);

	switched.reason = (char[]){SWITCHED_BEGUN};
	switched.since = (uint64_t)since;
	assert_ok(switched_save(dir, &switched, &err));
}

static int switch_on(struct place *p, const char *id, struct error *err)
{
	const struct switched switched = switched_of(p, id, true);

	return domain_switch_on(&p->settings, &switched, err);
}

static bool marker_is_there(const struct place *p)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/domain", p->folder);
	return access(path, F_OK) == 0;
}

static void one_domain_at_a_time(void **state)
{
	struct place *p = *state;

	assert_ok(claim(p, "a-1", "a", p->child, &err));
	assert_ok(claim(p, "a-2", "a", p->child, &err));
	assert_error(
		claim(p, "b-1", "b", p->child, &err), EBUSY,
		"its trust domain is \"b\", and that of the containers that merge now is \"a\" "
		"(a-");
	assert_error(claim(p, "b-1", "b", p->child, &err), EBUSY, " and 1 more)");
	assert_error(claim(p, "c", "", p->child, &err), EBUSY, "its trust domain is none, and");
	/* The last one may come back under another name of its domain. */
	save(p, &(struct ocfg_record){.id = (char[]){"a-1"}, .domain = (char[]){"a"}});
	assert_ok(claim(p, "a-2", "b", p->child, &err));
	assert_error(claim(p, "a-1", "a", p->child, &err), EBUSY, "is \"b\" (a-2)");
}

static void no_domain_is_one_like_others(void **state)
{
	struct place *p = *state;

	assert_ok(claim(p, "1", "", p->child, &err));
	assert_ok(claim(p, "2", "", p->child, &err));
	assert_false(marker_is_there(p));
	assert_error(claim(p, "3", "a", p->child, &err), EBUSY, "that merge now is none (");
	save(p, &(struct ocfg_record){.id = (char[]){"1"}});
	save(p, &(struct ocfg_record){.id = (char[]){"2"}});
	assert_ok(claim(p, "3", "a", p->child, &err));
	assert_true(marker_is_there(p));
	save(p, &(struct ocfg_record){.id = (char[]){"3"}});
	assert_ok(claim(p, "1", "", p->child, &err));
	assert_false(marker_is_there(p));
}

static void the_dead_hold_nothing(void **state)
{
	struct place *p = *state;
	struct ocfg_record record = {.id = (char[]){"a"},
				     .modes = OCFG_MODE_PRELOAD,
				     .domain = (char[]){"a"},
				     .starter = p->child,
				     .starter_start_time = p->start_time};

	assert_ok(claim(p, "a", "a", p->child, &err));
	assert_error(claim(p, "b", "b", p->child, &err), EBUSY, "(a)");
	/* The pid is another process' by now. */
	p->start_time++;
	assert_ok(claim(p, "a", "a", p->child, &err));
	p->start_time--;
	assert_ok(claim(p, "b", "b", p->child, &err));
	save(p, &(struct ocfg_record){.id = (char[]){"b"}});
	assert_ok(claim(p, "a", "a", p->child, &err));
	/* Whoever starts it lives, and counts for as long as that is allowed. */
	save(p, &record);
	assert_error(claim(p, "b", "b", p->child, &err), EBUSY, "(a)");
	record.starter_until = alive_now() + 600;
	save(p, &record);
	assert_error(claim(p, "b", "b", p->child, &err), EBUSY, "(a)");
	record.starter_until = alive_now();
	assert_true(alive_is_left_over(&record));
	save(p, &record);
	/* Of these only a cgroup of that name would tell. */
	for (int c = 'p'; c < 't'; c++)
		save(p,
		     &(struct ocfg_record){.id = (char[]){'n', 'o', 'n', 'e', '-', (char)c, '\0'},
					   .modes = OCFG_MODE_PRELOAD});
	assert_ok(claim(p, "b", "b", p->child, &err));
}

static void the_pid_file_tells_after_the_start(void **state)
{
	struct place *p = *state;
	char path[4096], pid[16];
	struct ocfg_record record = {.id = (char[]){"a"},
				     .modes = OCFG_MODE_PRELOAD,
				     .starter = p->child,
				     .starter_start_time = p->start_time + 1,
				     .pid_file = path};

	snprintf(path, sizeof(path), "%s/pid", p->folder);
	snprintf(pid, sizeof(pid), "%d", (int)p->child);
	assert_false(alive_record(&record));
	assert_ok(ocfg_file_replace(AT_FDCWD, path, pid, strlen(pid), &err));
	/* It began before the runtime did: the file is of an earlier container. */
	assert_false(alive_record(&record));
	record.starter = 0; /* has ended */
	record.starter_start_time = p->start_time;
	assert_true(alive_record(&record));
	assert_ok(ocfg_file_replace(AT_FDCWD, path, "-1\n", 3, &err));
	assert_false(alive_record(&record));
	assert_false(alive_is_left_over(&record));
}

static void what_was_switched_counts_as_it_is_now(void **state)
{
	struct place *p = *state;
	struct domain_holder holder = {.count = 7};
	struct domain_guard guard;
	char domain[OCFG_DOMAIN_SIZE];

	assert_ok(claim(p, "a", "a", p->child, &err));
	switch_off(p, "a");
	assert_ok(claim(p, "b", "b", p->child, &err));
	assert_error(switch_on(p, "a", &err), EBUSY, "is \"b\" (b)");
	switch_off(p, "b");
	assert_ok(switch_on(p, "a", &err));
	assert_error(claim(p, "b", "b", p->child, &err), EBUSY, "is \"a\" (a)");
	/* What is being switched off is merged still, unless that was given up long ago. */
	begin_to_switch_off(p, "a", time(NULL));
	assert_error(claim(p, "b", "b", p->child, &err), EBUSY, "is \"a\" (a)");
	begin_to_switch_off(p, "a", time(NULL) - SWITCHED_BEGUN_MAX);
	assert_ok(claim(p, "b", "b", p->child, &err));
	switch_off(p, "a");
	switch_off(p, "b");
	assert_ok(domain_begin(&p->settings, &guard, &err));
	assert_ok(domain_find(&guard, &holder, &err));
	assert_int_equal(holder.count, 0);
	domain_end(&guard);
	/* One that has no record. */
	assert_ok(switch_on(p, "stranger", &err));
	assert_error(switch_on(p, "a", &err), EBUSY, "is none (stranger)");
	assert_ok(domain_begin(&p->settings, &guard, &err));
	assert_error(domain_claim(&guard, "a", "a", &err), EBUSY, "is none (stranger)");
	assert_ok(domain_find(&guard, &holder, &err));
	assert_int_equal(holder.count, 1);
	assert_string_equal(holder.id, "stranger");
	domain_of(&guard, "a", domain);
	assert_string_equal(domain, "a");
	domain_of(&guard, "stranger", domain);
	assert_string_equal(domain, "");
	domain_end(&guard);
}

static void nobody_waits_for_ever(void **state)
{
	struct place *p = *state;
	struct domain_guard guard, other;
	int status = 0;
	pid_t pid;

	assert_ok(domain_begin(&p->settings, &guard, &err));
	pid = fork();
	if (pid == 0)
		_exit(domain_begin(&p->settings, &other, NULL) == -EAGAIN ? 7 : 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 7);
	domain_end(&guard);
	assert_ok(domain_begin(&p->settings, &other, &err));
	domain_end(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_domain_at_a_time),
		TEST(no_domain_is_one_like_others),
		TEST(the_dead_hold_nothing),
		TEST(the_pid_file_tells_after_the_start),
		TEST(what_was_switched_counts_as_it_is_now),
		TEST(nobody_waits_for_ever),
	};

	return cmocka_run_group_tests_name("domain", tests, NULL, NULL);
}
