/* SPDX-License-Identifier: Apache-2.0 */
/* epoll without room for another watch: the kernel's ENOSPC is a seccomp filter's here, for an epoll of one number. */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <unistd.h>

#include "hook/notify/poller.h"
#include "tests/unit/unit.h"

#define FULL 500 /* no watch can be added to the epoll of this number */

static struct poller p;

static int no_room(void **state)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	const struct scmp_arg_cmp call[] = {{0, SCMP_CMP_EQ, FULL, 0},
					    {1, SCMP_CMP_EQ, EPOLL_CTL_ADD, 0}};
	int rc = seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(ENOSPC), SCMP_SYS(epoll_ctl), 2, call);

	(void)state;
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc;
}

static void move(int number)
{
	assert_int_equal(dup2(p.epoll, number), number);
	close(p.epoll);
	p.epoll = number;
}

static void begin(void)
{
	assert_int_equal(poller_init(&p), 0);
	move(FULL);
}

static void make_pipe(int ends[2])
{
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
}

/* Waits as long as it takes. */
static struct epoll_event one_event(void)
{
	struct epoll_event events[2];
	int count;

	do
		count = poller_wait(&p, events, 2, -1);
	while (count == 0);
	assert_int_equal(count, 1);
	return events[0];
}

static void nothing_to_tell(void)
{
	struct epoll_event events[4];

	assert_int_equal(poller_wait(&p, events, 4, 0), 0);
}

static void one_without_room_is_told_of(void **state)
{
	struct epoll_event event;
	int ends[2];

	(void)state;
	begin();
	make_pipe(ends);
	assert_int_equal(poller_add(&p, 7, ends[0], EPOLLIN), 1);
	nothing_to_tell();
	assert_int_equal(write(ends[1], "x", 1), 1);
	event = one_event();
	assert_int_equal(event.data.u32, 7);
	assert_int_equal(event.events, EPOLLIN);
	close(ends[1]);
	assert_int_equal(one_event().events, EPOLLIN | EPOLLHUP);
	poller_remove(&p, 7, ends[0]);
	nothing_to_tell();
	close(ends[0]);
	poller_done(&p);
}

static void its_end_alone(void **state)
{
	int ends[2];

	(void)state;
	begin();
	make_pipe(ends);
	assert_int_equal(poller_add(&p, 0, ends[0], 0), 1);
	assert_int_equal(write(ends[1], "x", 1), 1);
	nothing_to_tell();
	close(ends[1]);
	assert_int_equal(one_event().events, EPOLLHUP);
	poller_remove(&p, 0, ends[0]);
	close(ends[0]);
	poller_done(&p);
}

static void epoll_tells_once_there_is_room(void **state)
{
	int ends[2];

	(void)state;
	begin();
	make_pipe(ends);
	assert_int_equal(poller_add(&p, POLLER_IDS - 1, ends[0], EPOLLIN), 1);
	assert_int_equal(p.refused, 1);
	move(FULL + 1);
	nothing_to_tell();
	assert_int_equal(p.refused, 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(one_event().data.u32, POLLER_IDS - 1);
	poller_remove(&p, POLLER_IDS - 1, ends[0]);
	nothing_to_tell();
	close(ends[0]);
	close(ends[1]);
	poller_done(&p);
}

#define MANY 100

static void all_come_to_their_turn(void **state)
{
	struct epoll_event events[8];
	int ends[MANY][2];
	bool seen[MANY] = {false};
	unsigned count = 0;

	(void)state;
	begin();
	move(FULL + 1);
	for (uint32_t i = 0; i < MANY; i++) {
		make_pipe(ends[i]);
		assert_int_equal(write(ends[i][1], "x", 1), 1);
		/* One has room. */
		if (i == 1)
			move(FULL);
		assert_int_equal(poller_add(&p, i, ends[i][0], EPOLLIN), i > 0);
	}
	for (int round = 0; round < MANY && count < MANY; round++) {
		int got = poller_wait(&p, events, 8, -1);

		for (int i = 0; i < got; i++) {
			count += !seen[events[i].data.u32];
			seen[events[i].data.u32] = true;
		}
	}
	assert_int_equal(count, MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		poller_remove(&p, i, ends[i][0]);
		close(ends[i][0]);
		close(ends[i][1]);
	}
	assert_int_equal(p.refused, 0);
	nothing_to_tell();
	poller_done(&p);
}

static void what_cannot_be_waited_for(void **state)
{
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)state;
	begin();
	move(FULL + 1);
	assert_int_equal(poller_add(&p, 0, file, EPOLLIN), -EPERM);
	assert_int_equal(poller_add(&p, 0, -1, EPOLLIN), -EBADF);
	assert_int_equal(p.refused, 0);
	close(file);
	poller_done(&p);
}

/* A worker that has become the keeper begins the next worker with its own. */
static void begun_again(void **state)
{
	int ends[2];

	(void)state;
	begin();
	make_pipe(ends);
	assert_int_equal(poller_add(&p, 3, ends[0], EPOLLIN), 1);
	poller_done(&p);
	begin();
	close(ends[1]);
	nothing_to_tell();
	close(ends[0]);
	poller_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_without_room_is_told_of),
		cmocka_unit_test(its_end_alone),
		cmocka_unit_test(epoll_tells_once_there_is_room),
		cmocka_unit_test(all_come_to_their_turn),
		cmocka_unit_test(what_cannot_be_waited_for),
		cmocka_unit_test(begun_again),
	};

	return cmocka_run_group_tests(tests, no_room, NULL);
}
