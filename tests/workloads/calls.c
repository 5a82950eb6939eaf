/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calls: maps, grows, moves and unmaps memory in tight loops, in two threads and in children, while a timer's signal (SA_RESTART)
 * comes 200 times a second. Checks the result of every call and the content of every page. SIGUSR1: "resting: N calls, N wrong" on
 * stdout, keeps what it has and does nothing more. SIGTERM: ends, with 1 if anything was wrong.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	  4096u
#define PAGES_MAX 128u
#define SLOTS	  16
#define HEAP_MAX  ((size_t)8 << 20)

struct region {
	char *start; /* NULL: none */
	size_t pages;
	uint64_t tag;
};

struct actor {
	struct region slots[SLOTS];
	uint64_t random;
	bool has_heap; /* the heap is the process': one actor's */
	char *heap_start, *heap_end;
};

static atomic_ulong calls, wrong;
static volatile sig_atomic_t rest, end;

static void complain(const char *what, long result)
{
	if (atomic_fetch_add(&wrong, 1) < 10)
		fprintf(stderr, "calls: %s: %ld (errno %d)\n", what, result, errno);
}

static void expect(bool right, const char *what, long result)
{
	atomic_fetch_add(&calls, 1);
	if (!right)
		complain(what, result);
}

static uint64_t roll(struct actor *a)
{
	a->random = a->random * 6364136223846793005u + 1442695040888963407u;
	return a->random >> 33;
}

static uint64_t *word_of(const struct region *r, size_t page)
{
	return (uint64_t *)(void *)(r->start + page * PAGE + page % 500 * 8);
}

/* New pages must be zero; then each gets its mark. */
static void tag(const struct region *r, size_t from)
{
	for (size_t i = from; i < r->pages; i++) {
		if (*word_of(r, i) != 0)
			complain("a new page is not zero", (long)*word_of(r, i));
		*word_of(r, i) = r->tag + i;
	}
}

static void check(const struct region *r, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		if (*word_of(r, i) != r->tag + i)
			complain("a page has other content", (long)*word_of(r, i));
}

static void unmap(struct region *r)
{
	check(r, r->pages);
	expect(munmap(r->start, r->pages * PAGE) == 0, "munmap", -1);
	r->start = NULL;
}

/* Every other time over itself, at the same place. */
static void map(struct actor *a, struct region *r, bool fixed)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | (fixed ? MAP_FIXED : 0);
	char *hint = r->start, *start;

	if (fixed)
		check(r, r->pages);
	else
		r->pages = 1 + roll(a) % PAGES_MAX;
	start = mmap(hint, r->pages * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
	expect(start != MAP_FAILED && (uintptr_t)start % PAGE == 0 && (!fixed || start == hint),
	       "mmap", (long)start);
	if (start == MAP_FAILED) {
		r->start = NULL;
		return;
	}
	r->start = start;
	r->tag = a->random;
	tag(r, 0);
}

static void move(struct actor *a, struct region *r)
{
	size_t pages = 1 + roll(a) % PAGES_MAX, before = r->pages;
	char *start = mremap(r->start, before * PAGE, pages * PAGE, MREMAP_MAYMOVE);

	expect(start != MAP_FAILED, "mremap", (long)start);
	if (start == MAP_FAILED)
		return;
	r->start = start;
	r->pages = pages;
	check(r, pages < before ? pages : before);
	tag(r, before);
}

static char *do_brk(char *to)
{
	/* The kernel's own answer, which is an address and never an errno. */
	return (char *)syscall(SYS_brk, to); /* NOLINT(performance-no-int-to-ptr) */
}

static void grow_heap(struct actor *a)
{
	struct region r = {a->heap_start, (size_t)(a->heap_end - a->heap_start) / PAGE, 1};
	char *to = a->heap_end + (1 + roll(a) % PAGES_MAX) * PAGE, *now;

	if (r.pages * PAGE > HEAP_MAX) {
		check(&r, r.pages);
		to = a->heap_start;
	}
	now = do_brk(to);
	expect(now == to, "brk", (long)now);
	if (now != to)
		return;
	if (to > a->heap_end) {
		size_t before = r.pages;

		r.pages = (size_t)(to - a->heap_start) / PAGE;
		tag(&r, before);
	}
	a->heap_end = to;
}

/* Calls that fail have to fail, and in the same way. */
static void fail(void)
{
	void *start = mmap(NULL, (size_t)1 << 60, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	expect(start == MAP_FAILED && errno == ENOMEM, "mmap of too much", (long)start);
	start = mmap(NULL, 64 * PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0);
	expect(start == MAP_FAILED && errno == EINVAL, "mmap neither private nor shared",
	       (long)start);
}

static void step(struct actor *a)
{
	struct region *r = &a->slots[roll(a) % SLOTS];
	uint64_t what = roll(a) % 16;

	if (a->has_heap && what >= 12)
		grow_heap(a);
	else if (what == 0)
		fail();
	else if (!r->start || what < 4)
		map(a, r, r->start != NULL);
	else if (what < 8)
		move(a, r);
	else
		unmap(r);
}

/* A child has copies of all regions; what it maps is its own. */
static void step_in_child(struct actor *a)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		unsigned long before = atomic_load(&wrong);

		for (int i = 0; i < 20; i++)
			step(a);
		_exit(atomic_load(&wrong) != before);
	}
	expect(child > 0 && waitpid(child, &status, 0) == child && status == 0, "child", child);
}

static void *act(void *data)
{
	struct actor *a = data;

	for (unsigned long i = 0; !rest && !end; i++) {
		step(a);
		if (a->has_heap && i % 200 == 0)
			step_in_child(a);
	}
	return NULL;
}

static void on_signal(int signal)
{
	if (signal == SIGUSR1)
		rest = 1;
	else if (signal == SIGTERM)
		end = 1;
}

static void set_up_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct itimerval timer = {{0, 5000}, {0, 5000}};

	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

int main(void)
{
	static char buffer[1024];
	static struct actor actors[2] = {{.has_heap = true, .random = 1}, {.random = 2}};
	sigset_t wanted;
	pthread_t thread;

	setvbuf(stdout, buffer, _IOLBF, sizeof(buffer));
	set_up_signals();
	if (pthread_create(&thread, NULL, act, &actors[1]) != 0)
		return 2;
	/* From here on the heap is the actor's, not malloc's. */
	actors[0].heap_start = do_brk(NULL);
	actors[0].heap_start += -(uintptr_t)actors[0].heap_start % PAGE;
	actors[0].heap_end = actors[0].heap_start;
	act(&actors[0]);
	pthread_join(thread, NULL);
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	printf("resting: %lu calls, %lu wrong\n", atomic_load(&calls), atomic_load(&wrong));
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGTERM);
	sigprocmask(SIG_BLOCK, &wanted, NULL);
	while (!end && sigtimedwait(&wanted, NULL, &(struct timespec){.tv_sec = 1}) != SIGTERM)
		;
	return atomic_load(&wrong) != 0;
}
