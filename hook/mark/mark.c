/* SPDX-License-Identifier: Apache-2.0 */
/* All processes of a container, one after the other, by a child that may be held up. */
#include "hook/mark/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hook/inject/inject.h"
#include "hook/mark/listing.h"
#include "hook/mark/merged.h"
#include "hook/mark/one.h"
#include "hook/mark/process.h"
#include "hook/mark/room.h"
#include "oci-config/cleanup.h"

/*
 * What is read and written in programs can be memory that a userfaultfd or FUSE provides, and then nothing comes back. The child
 * is killed by its own timer when it has got nowhere for so long, and the next one leaves that process alone.
 */
#define GUARD_S	     5
#define LEAVE_S	     10 /* and left behind if even that does not end it */
#define LOST_MAX_S   30
#define CHILDREN_MAX 32
#define PASSES_MAX   32
#define SEEN_MAX     (1u << 16) /* a power of two */
#define PROGRESS_MS  50

/* Shared with the child, and what the next child has to know. */
struct shared {
	pid_t parent;
	const struct mark_target *target;
	const struct mark_options *options;
	bool off;
	bool again; /* unmark: a last look at those that have been done */
	bool ended; /* all is done but the counting */
	struct mark_progress progress;
	struct mark_result result;
	struct error err;	  /* what ended it */
	pid_t busy;		  /* with that process */
	pid_t held[CHILDREN_MAX]; /* have held one up, and are not touched again */
	size_t held_count;
	unsigned beats; /* it gets on */
	time_t lost;	/* s, with processes that were left alone */
	size_t seen_count;
	struct seen {
		pid_t pid;
		uint64_t start_time;
	} seen[SEEN_MAX];
};

static struct shared *shared; /* of the call under way, parent and child */

static void go_on(void)
{
	alarm(GUARD_S);
	__atomic_add_fetch(&shared->beats, 1, __ATOMIC_SEQ_CST);
}

/* Whoever is looked at now may hold us up. Has it done so? */
static bool begin(pid_t pid)
{
	go_on();
	for (size_t i = 0; i < shared->held_count; i++)
		if (shared->held[i] == pid)
			return false;
	__atomic_store_n(&shared->busy, pid, __ATOMIC_SEQ_CST);
	return true;
}

static void end(void)
{
	__atomic_store_n(&shared->busy, 0, __ATOMIC_SEQ_CST);
}

static bool must_end(void)
{
	return getppid() != shared->parent;
}

static void unmerged(uint64_t bytes)
{
	shared->result.bytes += bytes;
	shared->progress.merged -=
		bytes < shared->progress.merged ? bytes : shared->progress.merged;
}

static void leave_alone(struct mark_result *result, enum mark_reason reason, pid_t pid)
{
	result->left_alone[reason]++;
	result->example[reason] = pid;
}

/* Is it new? Then it is remembered. */
static bool see(pid_t pid, uint64_t start_time)
{
	uint32_t at = (uint32_t)pid * 2654435761u;

	if (shared->seen_count >= SEEN_MAX / 4 * 3)
		return false;
	for (;; at++) {
		struct seen *seen = &shared->seen[at & (SEEN_MAX - 1)];

		if (seen->pid == pid && seen->start_time == start_time)
			return false;
		if (seen->pid)
			continue;
		*seen = (struct seen){pid, start_time};
		shared->seen_count++;
		return true;
	}
}

static int switch_one(pid_t pid, int dir)
{
	const struct one_target target = {.pid = pid,
					  .dir = dir,
					  .alone = shared->target->alone,
					  .options = shared->options,
					  .go_on = go_on,
					  .unmerged = unmerged,
					  .must_end = must_end,
					  .again = shared->again};
	struct mark_result *result = &shared->result;
	time_t begun = time(NULL);
	struct error err = {0};
	struct one one = {0};
	int rc = -EAGAIN;

	/* A container can have any number of processes that do not stop (in a frozen cgroup), and each is waited for. */
	if (shared->lost < LOST_MAX_S)
		rc = shared->off ? one_unmark(&target, &one, &err) : one_mark(&target, &one, &err);

	if (rc == -ENOMEM || rc == -ECANCELED) {
		shared->err = err;
		return rc;
	}
	if (rc == -ESRCH || (shared->again && !one.changed))
		return 0;
	if (rc < 0) {
		shared->lost += time(NULL) - begun;
		if (!shared->again)
			leave_alone(result, one_reason(rc), pid);
		return 0;
	}
	result->processes += !shared->again;
	result->changed += one.changed && !shared->again;
	result->whole += one.whole && !shared->again;
	if (!shared->off)
		result->bytes += one.anonymous;
	return 0;
}

struct pass {
	size_t found;
	int rc;
};

static bool take(pid_t pid, void *data)
{
	struct pass *pass = data;
	cleanup_close int first = process_open(pid), dir = -1;
	struct process_stat stat;

	go_on();
	/* A process without memory is the kernel's, or has ended. */
	if (first < 0 || process_stat(first, &stat) < 0 || (!stat.size && stat.state != 'Z') ||
	    !see(pid, stat.start_time))
		return true;
	dir = process_open_alive(pid, stat.start_time);
	if (dir < 0 || !begin(pid))
		return true;
	pass->found++;
	pass->rc = switch_one(pid, dir);
	end();
	shared->progress.processes += !shared->again;
	inject_reap();
	return pass->rc == 0;
}

static bool count_one(pid_t pid, void *data)
{
	size_t *count = data;

	(void)pid;
	++*count;
	return true;
}

struct sum {
	struct contents *contents;
	uint64_t bytes;
	pid_t pid; /* one of them */
};

static bool add_merged(pid_t pid, void *data)
{
	struct sum *sum = data;
	cleanup_close int dir = process_open(pid);

	if (dir < 0 || !begin(pid))
		return true;
	sum->bytes += merged_bytes(sum->contents, true, pid, dir, go_on);
	end();
	sum->pid = pid;
	return true;
}

/* Of all processes. */
static struct sum sum_merged(void)
{
	struct contents contents;
	bool tells = contents_init(&contents, NULL) == 0 && contents_tells_merged(&contents);
	struct sum sum = {.contents = tells ? &contents : NULL};

	listing_target(shared->target, SEEN_MAX, add_merged, &sum);
	contents_done(&contents);
	return sum;
}

/* It makes no sense to begin what cannot be ended. */
static int check_all(void)
{
	struct sum sum;

	if (!shared->off)
		return 0;
	sum = sum_merged();
	shared->progress.merged = sum.bytes;
	return sum.pid ? room_check(sum.pid, sum.bytes, &shared->err) : 0;
}

/* Who is killed in the middle of it leaves a thread to find its way back; so only the timer may do that. */
static void prepare(void)
{
	sigset_t set;

	signal(SIGALRM, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Until a pass finds nothing new. */
static int run_passes(void)
{
	struct pass pass = {.found = 1};

	for (int i = 0; i < PASSES_MAX && pass.found && pass.rc == 0 && !must_end(); i++) {
		pass.found = 0;
		listing_target(shared->target, SEEN_MAX, take, &pass);
	}
	return pass.rc;
}

static int run_child(void)
{
	int rc;

	/* Locks of ours, and who reads what we print: it may stay for longer than we do. It prints nothing. */
	(void)syscall(SYS_close_range, 0U, ~0U, 0U);
	for (int i = 0; i < 3; i++)
		(void)!open("/dev/null", O_RDWR);
	prepare();
	rc = check_all();
	if (rc == 0 && !shared->again)
		rc = run_passes();
	if (rc == 0 && shared->off && !shared->again) {
		shared->again = true;
		memset(shared->seen, 0, sizeof(shared->seen));
		shared->seen_count = 0;
	}
	/* A helper may have been about to mark one when the first look began. */
	if (rc == 0 && shared->off)
		rc = run_passes();
	shared->ended = true;
	shared->result.merged = shared->progress.merged;
	if (shared->off)
		shared->result.merged = sum_merged().bytes;
	alarm(0);
	return rc < 0;
}

/* Until it has ended, or so long; without a pidfd (Linux before 5.3) always so long. */
static void wait_ms(pid_t child, int ms)
{
	cleanup_close int fd = (int)syscall(SYS_pidfd_open, child, 0U);
	struct pollfd end = {.fd = fd, .events = POLLIN};

	poll(&end, 1, ms);
}

/*
 * Its status, as waitpid gives it, or -errno. What it waits for may be the kernel's to wait for (a FUSE server that does not answer):
 * then its timer does not end it, nobody can, and it is left behind.
 */
static int wait_for(pid_t child)
{
	const struct mark_options *options = shared->options;
	unsigned beats = 0, now;
	int status, still = 0;
	pid_t rc;

	while ((rc = waitpid(child, &status, WNOHANG)) != child) {
		if (rc < 0 && errno != EINTR)
			return -errno;
		now = __atomic_load_n(&shared->beats, __ATOMIC_SEQ_CST);
		still = now == beats ? still + 1 : 0;
		beats = now;
		if (still > LEAVE_S * 1000 / PROGRESS_MS) {
			kill(child, SIGKILL);
			return SIGKILL;
		}
		if (options->progress)
			options->progress(&shared->progress, options->data);
		wait_ms(child, PROGRESS_MS);
	}
	return status;
}

static int run(struct error *err)
{
	while (shared->held_count < CHILDREN_MAX) {
		pid_t child = fork(), busy;
		int status;

		if (child < 0)
			return error_set(err, errno, "fork");
		if (child == 0)
			_exit(run_child());
		status = wait_for(child);
		if (status < 0)
			return error_set(err, -status, "wait for process %d", child);
		if (WIFEXITED(status) || shared->ended)
			return 0;
		busy = __atomic_exchange_n(&shared->busy, 0, __ATOMIC_SEQ_CST);
		if (!busy)
			return error_set(err, EIO, "process %d was killed (signal %d)", child,
					 WTERMSIG(status));
		shared->held[shared->held_count++] = busy;
		if (!shared->again)
			leave_alone(&shared->result, MARK_STUCK, busy);
	}
	return error_set(err, EIO, "too many processes cannot be read");
}

static int switch_all(const struct mark_target *target, const struct mark_options *options,
		      bool off, struct mark_result *ret, struct error *err)
{
	size_t count = 0;
	int rc;

	listing_target(target, SEEN_MAX, count_one, &count);
	if (!count)
		return error_set(err, ESRCH, "no process");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		return error_set(err, errno, "mmap");
	shared->parent = getpid();
	shared->target = target;
	shared->options = options;
	shared->off = off;
	shared->progress.of = count;
	rc = run(err);
	if (rc == 0 && shared->err.code) {
		if (err)
			*err = shared->err;
		rc = -shared->err.code;
	}
	*ret = shared->result;
	munmap(shared, sizeof(*shared));
	return rc;
}

int mark_container(const struct mark_target *target, const struct mark_options *options,
		   struct mark_result *ret, struct error *err)
{
	return switch_all(target, options, false, ret, err);
}

int unmark_container(const struct mark_target *target, const struct mark_options *options,
		     struct mark_result *ret, struct error *err)
{
	return switch_all(target, options, true, ret, err);
}
