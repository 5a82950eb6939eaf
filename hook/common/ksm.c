/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel tells of KSM: for the machine and for a process. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hook/common/ksm.h"
#include "hook/common/proc.h"
#include "oci-config/cleanup.h"

#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67 /* Linux 6.4 */
#endif

bool ksm_is_present(void)
{
	return access(KSM_SYS_DIR "/run", F_OK) == 0;
}

int64_t ksm_sys_get(const char *name)
{
	cleanup_close int fd = -1;
	char path[128], text[32];
	int64_t value;
	ssize_t len;

	snprintf(path, sizeof(path), KSM_SYS_DIR "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return KSM_UNKNOWN;
	len = read(fd, text, sizeof(text) - 1);
	if (len <= 0)
		return KSM_UNKNOWN;
	text[len] = '\0';
	return proc_number(text, &value) < 0 ? KSM_UNKNOWN : value;
}

int ksm_sys_set(const char *name, int64_t value, struct error *err)
{
	cleanup_close int fd = -1;
	char path[128];

	snprintf(path, sizeof(path), KSM_SYS_DIR "/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "open %s", path);
	if (dprintf(fd, "%" PRId64 "\n", value) < 0)
		return error_set(err, errno, "write %" PRId64 " to %s", value, path);
	return 0;
}

/* Programs can take this name, but only the kernel's threads have kthreadd (2) as parent. */
static bool is_ksmd(pid_t pid, struct proc_stat *ret)
{
	return proc_stat_read(pid, ret, NULL) == 0 && ret->ppid == 2 &&
	       strcmp(ret->comm, "ksmd") == 0;
}

double ksm_cpu_seconds(void)
{
	static pid_t known; /* it never ends */
	cleanup_free pid_t *pids = NULL;
	struct proc_stat stat;
	size_t count = 0;

	if (!known || !is_ksmd(known, &stat)) {
		known = 0;
		if (proc_list(&pids, &count, NULL) < 0)
			return -1;
		for (size_t i = 0; i < count && !known; i++)
			if (is_ksmd(pids[i], &stat))
				known = pids[i];
		if (!known)
			return -1;
	}
	return (double)stat.cpu_ticks / (double)sysconf(_SC_CLK_TCK);
}

int ksm_merge_self(bool on, struct error *err)
{
	if (prctl(PR_SET_MEMORY_MERGE, (unsigned long)on, 0UL, 0UL, 0UL) < 0)
		return error_set(err, errno, "PR_SET_MEMORY_MERGE");
	return 0;
}

static int64_t find_number(const char *text, const char *key)
{
	const char *value = proc_find(text, key);
	int64_t number;

	return value && proc_number(value, &number) == 0 ? number : KSM_UNKNOWN;
}

static int64_t find_yes_no(const char *text, const char *key)
{
	const char *value = proc_find(text, key);

	if (!value)
		return KSM_UNKNOWN;
	return strncmp(value, "yes", 3) == 0;
}

/* "SIZE RESIDENT SHARED ...", in pages: what is resident and not shared is RssAnon of /proc/PID/status, at less than half the cost. */
static int64_t anonymous_bytes(const char *statm)
{
	int64_t values[3]; /* the first one is 0 without memory: zombies */
	const char *p = statm;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (proc_number(p, &values[i]) < 0)
			return KSM_UNKNOWN;
		p += strspn(p, " ");
		p += strcspn(p, " ");
	}
	return values[0] ? (values[1] - values[2]) * sysconf(_SC_PAGESIZE) : KSM_UNKNOWN;
}

static const struct ksm_process unknown = {
	.rmap_items = KSM_UNKNOWN,
	.merging_pages = KSM_UNKNOWN,
	.zero_pages = KSM_UNKNOWN,
	.profit = KSM_UNKNOWN,
	.merge_any = KSM_UNKNOWN,
	.mergeable = KSM_UNKNOWN,
	.anonymous = KSM_UNKNOWN,
};

/* No lock is needed for that. */
static int read_anonymous(pid_t pid, struct ksm_process *ret, struct error *err)
{
	char text[256];
	ssize_t len = proc_read(pid, "statm", text, sizeof(text), err);

	*ret = unknown;
	if (len < 0)
		return (int)len;
	ret->anonymous = anonymous_bytes(text);
	return 0;
}

int ksm_process_read(pid_t pid, struct ksm_process *ret, struct error *err)
{
	struct ksm_process ksm;
	char text[1024];
	ssize_t len = read_anonymous(pid, &ksm, err);

	if (len < 0)
		return (int)len;
	/* Older kernels lack the file or some of its lines, and only the owner may read it. */
	len = proc_read(pid, "ksm_stat", text, sizeof(text), err);
	if (len == -ESRCH)
		return -ESRCH;
	if (len < 0)
		text[0] = '\0';
	ksm.rmap_items = find_number(text, "ksm_rmap_items");
	ksm.merging_pages = find_number(text, "ksm_merging_pages");
	ksm.zero_pages = find_number(text, "ksm_zero_pages");
	ksm.profit = find_number(text, "ksm_process_profit");
	ksm.merge_any = find_yes_no(text, "ksm_merge_any");
	ksm.mergeable = find_yes_no(text, "ksm_mergeable");
	if (ksm.merging_pages == KSM_UNKNOWN &&
	    proc_read(pid, "ksm_merging_pages", text, sizeof(text), NULL) > 0)
		(void)proc_number(text, &ksm.merging_pages);
	*ret = ksm;
	return 0;
}

struct reading {
	struct ksm_group *groups;
	size_t count;
	size_t group, at; /* where it has got to */
};

/*
 * In a process of its own, which its own timer ends, but in the memory of who has started it and waits for it (as with vfork). Nothing
 * is allocated, as it may end anywhere.
 */
static int read_until_held_up(void *data)
{
	struct reading *reading = data;
	sigset_t set;

	signal(SIGALRM, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	for (; reading->group < reading->count; reading->group++, reading->at = 0) {
		const struct ksm_group *group = &reading->groups[reading->group];

		for (; reading->at < group->count; reading->at++) {
			struct ksm_process ksm;

			alarm(KSM_PATIENCE);
			if (ksm_process_read(group->pids[reading->at], &ksm, NULL) == 0)
				group->ret[reading->at] = ksm;
		}
	}
	_exit(0);
}

/* Its end, or where it was held up. */
static void read_on(struct reading *reading)
{
	_Alignas(16) char stack[32768];
	pid_t child =
		clone(read_until_held_up, stack + sizeof(stack), CLONE_VM | CLONE_VFORK, reading);

	while (child > 0 && waitpid(child, NULL, __WALL) < 0 && errno == EINTR)
		continue;
}

void ksm_groups_read(struct ksm_group *groups, size_t count)
{
	struct reading reading = {.groups = groups, .count = count};

	for (size_t i = 0; i < count; i++) {
		groups[i].held_up = false;
		for (size_t k = 0; k < groups[i].count; k++)
			groups[i].ret[k] = unknown;
	}
	while (reading.group < count) {
		struct ksm_group *group;

		read_on(&reading);
		if (reading.group == count)
			break;
		group = &groups[reading.group];
		group->held_up = true;
		for (; reading.at < group->count; reading.at++)
			(void)read_anonymous(group->pids[reading.at], &group->ret[reading.at],
					     NULL);
		reading.group++;
		reading.at = 0;
	}
}

bool ksm_processes_read(const pid_t *pids, size_t count, struct ksm_process *ret)
{
	struct ksm_group group = {.pids = pids, .count = count, .ret = ret};

	ksm_groups_read(&group, 1);
	return group.held_up;
}
