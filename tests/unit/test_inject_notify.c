/* SPDX-License-Identifier: Apache-2.0 */
/* hook/inject: a thread that is stopped in a call which a seccomp listener has been told of. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "tests/unit/victims.h"

#define NOTIFIED SYS_getpriority

static int listener_of_victim;

/* Notifies of one call, hands the listener over by number, makes that call. */
static void victim_asks(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NOTIFIED, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {COUNT(code), code};

	prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL);
	shared->status = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				      SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	shared->ready = 1;
	shared->status = (int)syscall(NOTIFIED, 0, 0);
	shared->go = 1;
	victim_sleeps();
}

static pid_t start_asking(void)
{
	pid_t child = victim_start(victim_asks);
	struct pollfd asked = {.events = POLLIN};
	int pidfd = (int)syscall(SYS_pidfd_open, child, 0);

	assert_true(pidfd >= 0 && shared->status >= 0);
	listener_of_victim = (int)syscall(SYS_pidfd_getfd, pidfd, shared->status, 0);
	assert_true(listener_of_victim >= 0);
	close(pidfd);
	asked.fd = listener_of_victim;
	assert_int_equal(poll(&asked, 1, WAIT_MS), 1);
	return child;
}

/* As a helper does: takes what is there, lets it continue. */
static int serve(void *data)
{
	struct pollfd asked = {.fd = listener_of_victim, .events = POLLIN};
	struct seccomp_notif *notif = &(struct seccomp_notif){0};
	struct seccomp_notif_resp answer = {.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

	(void)data;
	if (poll(&asked, 1, 0) != 1 || !(asked.revents & POLLIN) ||
	    ioctl(listener_of_victim, SECCOMP_IOCTL_NOTIF_RECV, notif) < 0)
		return 0;
	answer.id = notif->id;
	ioctl(listener_of_victim, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	return 0;
}

/* If the filter sees the call. */
static int refuse_to_serve(void *data)
{
	const struct inject *target = data;

	return target->seccomp_suspended ? 0 : -ECANCELED;
}

static void a_call_is_finished(void **state)
{
	const unsigned long none[6] = {0};
	pid_t child = start_asking();
	struct inject target;
	long result;

	(void)state;
	assert_ok(inject_process(child, WAIT_MS, &target, &err));
	assert_int_equal(inject_restarting(&target), NOTIFIED);
	assert_ok(inject_call(&target, SYS_getpid, none, &result, &err));
	assert_int_equal(result, child);
	assert_ok(inject_finish_call(&target, WAIT_MS, serve, NULL, &err));
	assert_int_equal(inject_restarting(&target), -1);
	assert_ok(inject_call(&target, SYS_getpid, none, &result, &err));
	assert_int_equal(result, child);
	assert_int_equal(shared->go, 0);
	inject_end(&target);
	victims_wait(&shared->go);
	assert_int_equal(shared->status, syscall(NOTIFIED, 0, child));
	victim_finish(child);
	close(listener_of_victim);
}

/* Nobody answers: as before the call, and answered later. */
static void a_call_is_not_finished(void **state)
{
	pid_t child = start_asking();
	struct inject target;

	(void)state;
	assert_ok(inject_process(child, WAIT_MS, &target, &err));
	if (target.seccomp_suspended)
		assert_ok(inject_finish_call(&target, WAIT_MS, refuse_to_serve, &target, &err));
	else
		assert_error(inject_finish_call(&target, WAIT_MS, refuse_to_serve, &target, &err),
			     ECANCELED, "thread");
	assert_true(target.seized && target.stopped);
	inject_end(&target);
	for (int i = 0; i < 5000 && !shared->go; i++) {
		serve(NULL);
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	}
	victims_wait(&shared->go);
	assert_true(shared->status > 0);
	victim_finish(child);
	close(listener_of_victim);
}

/* Without the right to suspend filters: the call is notified of again when it is finished. */
static int give_up_admin(void **state)
{
	const cap_value_t admin = CAP_SYS_ADMIN;
	cap_t caps = cap_get_proc();
	int r;

	(void)state;
	if (!caps)
		return -1;
	r = cap_set_flag(caps, CAP_EFFECTIVE, 1, &admin, CAP_CLEAR);
	r = r == 0 ? cap_set_proc(caps) : r;
	cap_free(caps);
	return r;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_is_finished),
		cmocka_unit_test(a_call_is_not_finished),
	};
	int failed = cmocka_run_group_tests_name("as we are", tests, victims_set_up, NULL);

	return failed + cmocka_run_group_tests_name("filters see it", tests, give_up_admin, NULL);
}
