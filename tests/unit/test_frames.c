/* SPDX-License-Identifier: Apache-2.0 */
/* hook/common/frames: known memory is counted as what it is. Each case is a child that shows its memory step by step. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "hook/common/frames.h"
#include "tests/unit/unit.h"

#define PAGES 1000
#define SLACK 24 /* pages that the child's own stack and libraries change in a step */

/* The child says when it is ready for the next look, and goes on when it is told to. */
struct child {
	pid_t pid;
	int from, to;
};

static void child_step(const struct child *child)
{
	char c = 'x';

	if (write(child->to, &c, 1) != 1 || read(child->from, &c, 1) != 1)
		_exit(1);
}

static struct child child_start(void (*run)(const struct child *))
{
	int up[2], down[2];
	struct child child;

	assert_int_equal(pipe(up), 0);
	assert_int_equal(pipe(down), 0);
	child.pid = fork();
	if (child.pid == 0) {
		struct child self = {.from = down[0], .to = up[1]};

		close(up[0]);
		close(down[1]);
		child_step(&self);
		run(&self);
		_exit(0);
	}
	close(up[1]);
	close(down[0]);
	child.from = up[0];
	child.to = down[1];
	return child;
}

/* Waits until it is ready, then lets `look` see it. */
static struct frames_figures child_look(const struct child *child)
{
	struct frames_figures figures;
	struct frames_set *set = NULL;
	char c;

	assert_int_equal(read(child->from, &c, 1), 1);
	assert_ok(frames_set_new(0, &set, &err));
	assert_ok(frames_set_add(set, child->pid, &err));
	frames_set_count(set, &figures);
	frames_set_free(set);
	assert_int_equal(write(child->to, &c, 1), 1);
	return figures;
}

static void child_end(const struct child *child)
{
	kill(child->pid, SIGKILL);
	assert_int_equal(waitpid(child->pid, NULL, 0), child->pid);
	close(child->from);
	close(child->to);
}

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static unsigned char *map_pages(size_t count)
{
	void *memory = mmap(NULL, count * page_size(), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		_exit(1);
	madvise(memory, count * page_size(), MADV_NOHUGEPAGE);
	return memory;
}

/* Page i gets the content number i / same. */
static void fill(unsigned char *memory, size_t count, size_t same, uint32_t first)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t number = first + (uint32_t)(i / same);

		memcpy(memory + i * page_size() + 100, &number, sizeof(number));
	}
}

static void assert_pages(uint64_t after, uint64_t before, size_t pages)
{
	int64_t difference = ((int64_t)after - (int64_t)before) / (int64_t)page_size();

	if (llabs(difference - (int64_t)pages) > SLACK)
		fail_msg("%jd pages more, not %zu", (intmax_t)difference, pages);
}

static void fill_all_kinds(const struct child *self)
{
	unsigned char *memory = map_pages(4 * PAGES);
	volatile unsigned char sum = 0;

	fill(memory, PAGES, 1, 1000000);		       /* each its own */
	fill(memory + PAGES * page_size(), PAGES, 4, 2000000); /* four of each */
	memset(memory + 2 * PAGES * page_size(), 0, PAGES * page_size());
	for (size_t i = 3 * PAGES; i < 4 * PAGES; i++) /* only read: the kernel's zero page */
		sum = (unsigned char)(sum + memory[i * page_size()]);
	child_step(self);
	mprotect(memory, 2 * PAGES * page_size(), PROT_NONE);
	child_step(self);
}

static void contents(void **state)
{
	struct child child = child_start(fill_all_kinds);
	struct frames_figures before = child_look(&child), after = child_look(&child), hidden;

	(void)state;
	hidden = child_look(&child);
	child_end(&child);
	assert_int_equal(after.processes, 1);
	assert_pages(after.mapped, before.mapped, 3 * PAGES);
	assert_pages(after.frames, before.frames, 3 * PAGES);
	assert_pages(after.distinct, before.distinct, PAGES + PAGES / 4);
	assert_pages(after.duplicates, before.duplicates, PAGES * 3 / 4 + PAGES);
	assert_pages(after.zero, before.zero, PAGES);
	assert_int_equal(after.frames, after.distinct + after.duplicates);
	assert_int_equal(after.unread, 0);
	assert_int_equal(after.swapped, 0);
	/* What the process itself may not read is there all the same. */
	assert_pages(hidden.frames, after.frames, 0);
	assert_pages(hidden.distinct, after.distinct, 0);
	assert_int_equal(hidden.unread, 0);
}

static void map_other_kinds(const struct child *self)
{
	size_t size = PAGES * page_size();
	void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	void *file = mmap(NULL, 16 * page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	void *reserved = mmap(NULL, (size_t)1 << 40, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (shared == MAP_FAILED || file == MAP_FAILED || reserved == MAP_FAILED)
		_exit(1);
	memset(shared, 1, size);
	(void)madvise(file, 16 * page_size(), MADV_POPULATE_READ);
	child_step(self);
}

static void what_does_not_count(void **state)
{
	struct child child = child_start(map_other_kinds);
	struct frames_figures before = child_look(&child), after = child_look(&child);

	(void)state;
	child_end(&child);
	assert_pages(after.mapped, before.mapped, 0);
	assert_pages(after.frames, before.frames, 0);
}

static void fork_one(const struct child *self)
{
	unsigned char *memory = map_pages(PAGES);
	pid_t pid;

	fill(memory, PAGES, 1, 1);
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	if (write(self->to, &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	for (;;)
		pause();
}

static void forks_share(void **state)
{
	struct child child = child_start(fork_one);
	struct frames_figures one, both;
	struct frames_set *set = NULL;
	pid_t grandchild;

	(void)state;
	(void)child_look(&child);
	assert_int_equal(read(child.from, &grandchild, sizeof(grandchild)), sizeof(grandchild));
	assert_ok(frames_set_new(0, &set, &err));
	assert_ok(frames_set_add(set, child.pid, &err));
	frames_set_count(set, &one);
	assert_ok(frames_set_add(set, grandchild, &err));
	frames_set_count(set, &both);
	frames_set_free(set);
	kill(grandchild, SIGKILL);
	child_end(&child);
	assert_int_equal(both.processes, 2);
	assert_true(one.frames >= PAGES * page_size());
	assert_true(both.mapped >= one.mapped + PAGES * page_size());
	/* Adding the other process adds only what it has written since. */
	assert_true(both.frames - one.frames < (PAGES / 2) * page_size());
}

static void gone_is_no_error(void **state)
{
	struct frames_figures figures;
	struct frames_set *set = NULL;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_ok(frames_set_new(0, &set, &err));
	assert_ok(frames_set_add(set, pid, &err));
	frames_set_count(set, &figures);
	assert_int_equal(figures.processes, 0);
	assert_int_equal(figures.frames, 0);
	assert_int_equal(figures.duplicates, 0);
	frames_set_free(set);
	frames_set_free(NULL);
}

static void change_all_the_time(const struct child *self)
{
	(void)self;
	for (uint32_t round = 0;; round++) {
		unsigned char *memory = map_pages(PAGES);

		fill(memory, PAGES, 1, round);
		munmap(memory, PAGES * page_size());
	}
}

/* A process that maps and unmaps, and ends somewhere in the middle. */
static void change_is_no_error(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct child child = child_start(change_all_the_time);
		struct frames_set *set = NULL;
		pid_t killer;

		(void)child_look(&child);
		killer = fork();
		if (killer == 0) {
			usleep((useconds_t)i * 200);
			kill(child.pid, SIGKILL);
			_exit(0);
		}
		assert_ok(frames_set_new(0, &set, &err));
		for (int j = 0; j < 5; j++)
			assert_ok(frames_set_add(set, child.pid, &err));
		frames_set_free(set);
		assert_int_equal(waitpid(killer, NULL, 0), killer);
		child_end(&child);
	}
}

static void without_the_right(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		struct frames_set *set = NULL;

		if (setuid(65534) < 0)
			_exit(2);
		status = frames_set_new(0, &set, NULL);
		_exit(status == -EPERM || status == -EACCES ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contents),	      cmocka_unit_test(what_does_not_count),
		cmocka_unit_test(forks_share),	      cmocka_unit_test(gone_is_no_error),
		cmocka_unit_test(change_is_no_error), cmocka_unit_test(without_the_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
