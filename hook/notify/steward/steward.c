/* SPDX-License-Identifier: Apache-2.0 */
/* The steward's loop: it sleeps until there is news, or one of its chores is due. */
#include "hook/notify/steward/steward.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "hook/common/caps.h"
#include "hook/common/log.h"
#include "hook/common/paths.h"
#include "hook/common/switched.h"
#include "hook/notify/steward/news.h"
#include "oci-config/cleanup.h"

#define STEWARD_NICE 5
#define TRY_AGAIN    5000   /* ms */
#define LONGEST_NAP  600000 /* ms: chores may wait for a time of day, and clocks are set */

/* Of those that oci-ksmd keeps (privileges.c). */
static const cap_value_t kept[] = {
	CAP_SYS_PTRACE,	     /* make processes of other users mergeable, and read their figures */
	CAP_SYS_ADMIN,	     /* PTRACE_O_SUSPEND_SECCOMP; see which pages are merged */
	CAP_DAC_READ_SEARCH, /* what only owners may read in /proc */
};

struct loop {
	struct steward steward;
	struct news news;
	int keeper;
	int64_t due[CHORES_MAX];
};

int64_t steward_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void steward_goes_on(void)
{
	alarm(STEWARD_PATIENCE);
}

/* Others are worth more than this process when memory is short: it is started again. */
static void raise_oom_score(void)
{
	cleanup_close int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)!write(fd, "0", 1);
}

static void become_small(void)
{
	struct error err = {0};
	sigset_t set;

	raise_oom_score();
	setpriority(PRIO_PROCESS, 0, STEWARD_NICE);
	if (caps_keep(kept, sizeof(kept) / sizeof(kept[0]), &err) < 0)
		log_error(&err, "steward");
	/* Whatever we were started with, these have to end us. */
	signal(SIGALRM, SIG_DFL);
	signal(SIGIO, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigaddset(&set, SIGIO);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static bool keeper_is_gone(int keeper, int timeout)
{
	struct pollfd wait = {.fd = keeper, .events = POLLIN};

	return poll(&wait, 1, timeout) > 0;
}

/*
 * One steward a folder of state, though there may be more than one oci-ksmd, and a predecessor that still ends: it locks
 * the folder of records, as nobody else locks that. Who waits has begun nothing, so that the keeper's end (SIGIO) may be its own.
 */
static void await_turn(const struct loop *loop)
{
	int flags = fcntl(loop->keeper, F_GETFL);

	if (flock(loop->steward.containers, LOCK_EX | LOCK_NB) == 0)
		return;
	fcntl(loop->keeper, F_SETOWN, getpid());
	fcntl(loop->keeper, F_SETFL, flags | O_ASYNC);
	if (keeper_is_gone(loop->keeper, 0))
		_exit(0);
	while (flock(loop->steward.containers, LOCK_EX) < 0 && errno == EINTR)
		continue;
	fcntl(loop->keeper, F_SETFL, flags);
}

/* `tell`: what is wrong with them; main has told it of those at the start. */
static void load_settings(struct steward *steward, bool tell)
{
	struct ocfg_settings settings;
	struct ocfg_notes notes = {0};
	struct error err = {0};
	int rc;

	rc = ocfg_settings_load(NULL, &settings, &notes, &err);
	if (tell) {
		if (rc < 0)
			log_error(&err, "settings, going on with the defaults");
		else
			log_line(LOG_LEVEL_INFO, "settings read again");
		log_notes(&notes);
		free(settings.state_dir);
		settings.state_dir = steal_pointer(&steward->settings.state_dir);
	}
	ocfg_settings_done(&steward->settings);
	steward->settings = settings;
}

static int open_folders(struct steward *steward, struct error *err)
{
	int *const fds[] = {&steward->state, &steward->containers, &steward->switched};
	static const char *const names[] = {"", "containers", SWITCHED_DIR};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		*fds[i] = paths_state_dir(&steward->settings, names[i], err);
		if (*fds[i] < 0)
			return *fds[i];
	}
	return 0;
}

static int try_set_up(struct loop *loop, struct error *err)
{
	int *const fds[] = {&loop->steward.state, &loop->steward.containers,
			    &loop->steward.switched};
	int rc;

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		*fds[i] = -1;
	rc = open_folders(&loop->steward, err);
	if (rc == 0) {
		await_turn(loop);
		rc = news_init(&loop->news, &loop->steward, err);
	}
	for (size_t i = 0; rc < 0 && i < sizeof(fds) / sizeof(fds[0]); i++)
		if (*fds[i] >= 0)
			close(*fds[i]);
	return rc;
}

/* Whoever repairs the folder of state need not know of the steward. */
static void set_up(struct loop *loop)
{
	struct error err = {0};
	bool told = false;

	load_settings(&loop->steward, false);
	while (try_set_up(loop, &err) < 0) {
		if (!told)
			log_error(&err, "steward, which does nothing therefore");
		told = true;
		if (keeper_is_gone(loop->keeper, TRY_AGAIN))
			_exit(0);
	}
	if (told)
		log_line(LOG_LEVEL_INFO, "steward: works again");
}

static void do_chores(struct loop *loop, unsigned news)
{
	int64_t now = steward_now();

	for (size_t i = 0; i < CHORES_MAX && chores[i]; i++) {
		unsigned of_it = news & (chores[i]->news | NEWS_START | NEWS_SETTINGS);

		if (!of_it && loop->due[i] > now)
			continue;
		steward_goes_on();
		loop->due[i] = chores[i]->run(&loop->steward, of_it);
	}
	alarm(0);
}

/* ms to sleep, -1: until something comes. */
static int timeout_of(const struct loop *loop)
{
	int64_t first = CHORE_NEVER, left;

	for (size_t i = 0; i < CHORES_MAX && chores[i]; i++)
		first = loop->due[i] < first ? loop->due[i] : first;
	if (first == CHORE_NEVER)
		return -1;
	left = first - steward_now();
	return left < 0 ? 0 : left < LONGEST_NAP ? (int)left : LONGEST_NAP;
}

static unsigned sleep_for_news(struct loop *loop)
{
	struct pollfd polls[] = {
		{.fd = loop->keeper, .events = POLLIN},
		{.fd = loop->news.inotify, .events = POLLIN},
	};

	if (poll(polls, sizeof(polls) / sizeof(polls[0]), timeout_of(loop)) < 0)
		return 0;
	/* It sends nothing, so this is its end. */
	if (polls[0].revents) {
		for (size_t i = 0; i < CHORES_MAX && chores[i]; i++)
			if (chores[i]->end)
				chores[i]->end(&loop->steward);
		_exit(0);
	}
	return polls[1].revents ? news_take(&loop->news) : 0;
}

void steward_run(int keeper, unsigned features)
{
	static struct loop loop;
	unsigned news = NEWS_START;

	loop.keeper = keeper;
	loop.steward.features = features;
	become_small();
	set_up(&loop);
	for (;;) {
		do_chores(&loop, news);
		news = sleep_for_news(&loop);
		if (news & NEWS_SETTINGS)
			load_settings(&loop.steward, true);
	}
}
