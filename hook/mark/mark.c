/* SPDX-License-Identifier: Apache-2.0 */
/* All processes of a container, one after the other, by a child that may be held up. */
#include "hook/mark/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
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
	struct error err; /* what ended it */
	pid_t busy;	  /* with that process */
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

const char *mark_reason_text(enum mark_reason reason)
{
	static const char *const texts[] = {
		[MARK_TRACED] = "traced by another program, or stopped",
		[MARK_32BIT] = "code of another architecture (32-bit)",
		[MARK_NOT_ALLOWED] = "not ours to change",
		[MARK_FILTERED] = "seccomp filters that we cannot pass",
		[MARK_STUCK] = "did not stop in time, or its memory cannot be read",
		[MARK_REFUSED] = "refused by the kernel, or too much address space",
	};

	return texts[reason];
}

static enum mark_reason reason_of(int rc)
{
	switch (rc) {
	case -EBUSY:
		return MARK_TRACED;
	case -EOPNOTSUPP:
		return MARK_32BIT;
	case -EPERM:
		return MARK_NOT_ALLOWED;
	case -EACCES:
		return MARK_FILTERED;
	case -EAGAIN:
		return MARK_STUCK;
	default:
		return MARK_REFUSED;
	}
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
	struct error err = {0};
	struct one one = {0};
	int rc = shared->off ? one_unmark(&target, &one, &err) : one_mark(&target, &one, &err);

	if (rc == -ENOMEM || rc == -ECANCELED) {
		shared->err = err;
		return rc;
	}
	if (rc == -ESRCH || (shared->again && !one.changed))
		return 0;
	if (rc < 0) {
		if (!shared->again)
			leave_alone(result, reason_of(rc), pid);
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
	if (dir < 0)
		return true;
	pass->found++;
	__atomic_store_n(&shared->busy, pid, __ATOMIC_SEQ_CST);
	pass->rc = switch_one(pid, dir);
	__atomic_store_n(&shared->busy, 0, __ATOMIC_SEQ_CST);
	shared->progress.processes += !shared->again;
	inject_reap();
	return pass->rc == 0;
}

static void list(const struct mark_target *target, listing_each *each, void *data)
{
	cleanup_close int folder =
		target->cgroup ? open(target->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	cleanup_close int dir = -1;

	if (target->cgroup) {
		if (folder >= 0)
			listing_cgroup(folder, SEEN_MAX, each, data);
		return;
	}
	if (!target->alone) {
		listing_descendants(target->pid, target->start_time, SEEN_MAX, each, data);
		return;
	}
	dir = process_open_alive(target->pid, target->start_time);
	if (dir >= 0)
		each(target->pid, data);
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

	go_on();
	if (dir < 0)
		return true;
	sum->bytes += merged_bytes(sum->contents, true, pid, dir, go_on);
	sum->pid = pid;
	return true;
}

/* Of all processes. */
static struct sum sum_merged(void)
{
	struct contents contents;
	struct sum sum = {.contents = contents_init(&contents, NULL) == 0 ? &contents : NULL};

	list(shared->target, add_merged, &sum);
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
		list(shared->target, take, &pass);
	}
	return pass.rc;
}

static int run_child(void)
{
	int rc;

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

/* Its status, as waitpid gives it, or -errno. */
static int wait_for(pid_t child)
{
	const struct mark_options *options = shared->options;
	int status;
	pid_t rc;

	for (;;) {
		rc = waitpid(child, &status, options->progress ? WNOHANG : 0);
		if (rc == child)
			return status;
		if (rc < 0 && errno != EINTR)
			return -errno;
		if (rc < 0 || !options->progress)
			continue;
		options->progress(&shared->progress, options->data);
		nanosleep(&(struct timespec){0, PROGRESS_MS * 1000000L}, NULL);
	}
}

static int run(struct error *err)
{
	for (int i = 0; i < CHILDREN_MAX; i++) {
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

	list(target, count_one, &count);
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
