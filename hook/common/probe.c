/* SPDX-License-Identifier: Apache-2.0 */
/* What this kernel can do, found out by trying, each in a child process. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hook/common/probe.h"
#include "hook/common/probe_tries.h"

#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67 /* Linux 6.4 */
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif
#define PIDFD_SELF   (-10000)
#define TIME_LIMIT_S 5 /* of one try, which takes less than a millisecond */

/*
 * No signal at its end, so that nobody who waits for any child or handles SIGCHLD meets it. Not glibc's fork: nothing that is
 * registered with it is to run. The child may use system calls only.
 */
pid_t probe_fork(void)
{
	pid_t parent = getpid(), child = (pid_t)syscall(SYS_clone, 0UL, 0UL, 0UL, 0UL, 0UL);

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(PROBE_UNSURE);
	}
	return child;
}

pid_t probe_fork_again(void)
{
	pid_t child = probe_fork();

	if (child < 0)
		_exit(PROBE_UNSURE);
	return child;
}

int probe_wait(pid_t child)
{
	int status;
	pid_t r;

	do
		r = waitpid(child, &status, __WALL);
	while (r < 0 && errno == EINTR);
	return r == child && WIFEXITED(status) ? WEXITSTATUS(status) : PROBE_UNSURE;
}

bool probe_tell(bool works)
{
	if (!works && (errno == ENOMEM || errno == EAGAIN || errno == EMFILE || errno == ENFILE))
		_exit(PROBE_UNSURE);
	return works;
}

bool probe_set_memory_merge(void)
{
	return probe_tell(prctl(PR_SET_MEMORY_MERGE, 1UL, 0UL, 0UL, 0UL) == 0);
}

static bool try_prctl(void)
{
	return probe_set_memory_merge();
}

static void *map_page(size_t *ret_size)
{
	void *page;

	*ret_size = (size_t)sysconf(_SC_PAGESIZE);
	page = mmap(NULL, *ret_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		_exit(PROBE_UNSURE);
	return page;
}

static bool try_madvise(void)
{
	size_t size;
	void *page = map_page(&size);

	return probe_tell(madvise(page, size, MADV_MERGEABLE) == 0);
}

static bool try_process_madvise(void)
{
	size_t size;
	struct iovec range = {.iov_base = map_page(&size)};

	range.iov_len = size;
	return probe_tell(syscall(SYS_process_madvise, (long)PIDFD_SELF, &range, 1L,
				  (long)MADV_MERGEABLE, 0L) == (long)size);
}

static bool try_suspend_seccomp(void)
{
	pid_t child = probe_fork_again();
	bool works;

	if (child == 0)
		for (;;)
			pause();
	works = ptrace(PTRACE_SEIZE, child, 0, (long)PTRACE_O_SUSPEND_SECCOMP) == 0;
	kill(child, SIGKILL);
	(void)probe_wait(child);
	return works;
}

static const struct {
	enum probe feature;
	const char *name;
	bool (*try)(void);
} features[] = {
	{PROBE_MADVISE, "madvise", try_madvise},
	{PROBE_PRCTL, "prctl", try_prctl},
	{PROBE_EXEC_INHERIT, "exec_inherit", probe_try_exec_inherit},
	{PROBE_VMA_MERGE, "vma_merge", probe_try_vma_merge},
	{PROBE_PROCESS_MADVISE, "process_madvise", try_process_madvise},
	{PROBE_NOTIFY, "notify", probe_try_notify},
	{PROBE_LISTENER, "listener", probe_try_listener},
	{PROBE_SYNC_WAKE_UP, "sync_wake_up", probe_try_sync_wake_up},
	{PROBE_WAIT_KILLABLE, "wait_killable", probe_try_wait_killable},
	{PROBE_SUSPEND_SECCOMP, "suspend_seccomp", try_suspend_seccomp},
};

const char *probe_name(enum probe feature)
{
	for (size_t i = 0; i < sizeof(features) / sizeof(*features); i++)
		if (features[i].feature == feature)
			return features[i].name;
	return "?";
}

/* Is the name one of the words of $OCI_KSM_NO? */
static bool is_forbidden(const char *name)
{
	const char *list = getenv("OCI_KSM_NO");
	size_t len = strlen(name);

	while (list && *list) {
		size_t word = strcspn(list, ",");

		if (word == len && strncmp(list, name, len) == 0)
			return true;
		list += word;
		list += *list == ',';
	}
	return false;
}

/* In the child: no handler of the caller's runs, and whatever happens, it ends. */
static void be_a_child(void)
{
	sigset_t alarm_only;

	signal(SIGCHLD, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &alarm_only, NULL);
	alarm(TIME_LIMIT_S);
}

unsigned probe_try(unsigned wanted, unsigned *ret_sure)
{
	unsigned found = 0, sure = 0;

	for (size_t i = 0; i < sizeof(features) / sizeof(*features); i++) {
		pid_t child;
		int answer;

		if (!(wanted & features[i].feature))
			continue;
		child = probe_fork();
		if (child == 0) {
			be_a_child();
			_exit(features[i].try() ? 0 : 1);
		}
		answer = child > 0 ? probe_wait(child) : PROBE_UNSURE;
		if (answer == 0)
			found |= features[i].feature;
		if (answer == 0 || answer == 1)
			sure |= features[i].feature;
	}
	*ret_sure = sure;
	return found;
}

unsigned probe_forbidden(void)
{
	unsigned forbidden = 0;

	for (size_t i = 0; i < sizeof(features) / sizeof(*features); i++)
		if (is_forbidden(features[i].name))
			forbidden |= features[i].feature;
	return forbidden;
}

unsigned probe(unsigned wanted)
{
	unsigned sure;

	return probe_try(wanted & ~probe_forbidden(), &sure);
}

int probe_process(const struct ocfg_settings *settings, struct error *err)
{
	unsigned found = probe_cached(settings, PROBE_PROCESS_WIDE);
	char missing[64];

	if (found == PROBE_PROCESS_WIDE)
		return 0;
	probe_list_missing(found | (PROBE_ALL & ~(unsigned)PROBE_PROCESS_WIDE), missing,
			   sizeof(missing));
	return error_set(err, EINVAL, "this kernel lacks %s", missing);
}

const char *probe_list_missing(unsigned found, char *buf, size_t size)
{
	unsigned missing = PROBE_ALL & ~found;
	size_t len = 0;

	buf[0] = '\0';
	for (unsigned bit = 1; bit <= missing && len < size; bit <<= 1)
		if (missing & bit)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
						probe_name((enum probe)bit));
	return buf;
}
