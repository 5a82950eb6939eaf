/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that hold the marker up. */
#include "hook/notify/guard.h"

#include <signal.h>
#include <sys/time.h>

#include "hook/common/log.h"
#include "hook/inject/inject.h"
#include "hook/notify/answer.h"

#define MS		 UINT64_C(1000000)
#define LEFT_ALONE_FIRST (10000 * MS)
#define LEFT_ALONE_TIMES 9 /* that it doubles: 85 minutes */

static void set_timer(unsigned ms)
{
	const struct itimerval timer = {
		.it_value = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000L}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void blame(struct journal_listener *listener, uint64_t now)
{
	unsigned times = listener->hung < LEFT_ALONE_TIMES ? listener->hung++ : LEFT_ALONE_TIMES;
	uint64_t pause = LEFT_ALONE_FIRST << times;

	listener->left_alone = now + pause;
	log_container(listener->id);
	log_line(LOG_LEVEL_ERROR,
		 "a program of it held the marker up by memory that cannot be read: what it maps "
		 "stays unmerged for %u s, then it is tried again; others are served",
		 (unsigned)(pause / MS / 1000));
	log_container("");
}

void guard_start(struct journal *journal)
{
	uint64_t at = journal->busy_with, now = answer_now();
	uint32_t index = (uint32_t)at - 1;
	sigset_t set;

	/* Whatever we were started with, the timer has to end us. */
	signal(SIGALRM, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	journal->busy_with = 0;
	if (!at || index >= JOURNAL_LISTENERS || now < journal->busy_since + GUARD_MS / 2 * MS ||
	    !journal->listener[index].held || journal->listener[index].serial != at >> 32)
		return;
	blame(&journal->listener[index], now);
}

void guard_begin(struct journal *journal, uint32_t index)
{
	journal->busy_since = answer_now();
	journal->busy_with = (uint64_t)journal->listener[index].serial << 32 | (index + 1);
	set_timer(GUARD_MS);
	inject_for(index);
}

void guard_go_on(void)
{
	set_timer(GUARD_MS);
}

void guard_end(struct journal *journal)
{
	set_timer(0);
	journal->busy_with = 0;
}

uint64_t guard_left_alone(const struct journal_listener *listener)
{
	return listener->left_alone;
}
