/* SPDX-License-Identifier: Apache-2.0 */
/* For measurements: ksmd at full speed until it has nothing left to do, and the machine's settings put back. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "hook/common/ksm.h"
#include "oci-config/cleanup.h"
#include "tests/tools/settle.h"

#define ADVISOR KSM_SYS_DIR "/advisor_mode"

/* The word in brackets of "[none] scan-time"; "" where the kernel has no advisor (before 6.8). */
static int read_advisor(char *ret, size_t size, struct error *err)
{
	cleanup_close int fd = open(ADVISOR, O_RDONLY | O_CLOEXEC);
	char text[64] = "";
	const char *from, *to;

	ret[0] = '\0';
	if (fd < 0)
		return errno == ENOENT ? 0 : error_set(err, errno, "open " ADVISOR);
	if (read(fd, text, sizeof(text) - 1) < 0)
		return error_set(err, errno, "read " ADVISOR);
	from = strchr(text, '[');
	to = from ? strchr(from, ']') : NULL;
	if (!to)
		return error_set(err, EPROTO, ADVISOR " has an unknown form");
	snprintf(ret, size, "%.*s", (int)(to - from - 1), from + 1);
	return 0;
}

static int write_advisor(const char *mode, struct error *err)
{
	cleanup_close int fd = -1;

	if (mode[0] == '\0')
		return 0;
	fd = open(ADVISOR, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || dprintf(fd, "%s\n", mode) < 0)
		return error_set(err, errno, "write " ADVISOR);
	return 0;
}

int settle_save(struct settle_saved *ret, struct error *err)
{
	struct settle_saved saved = {
		.run = ksm_sys_get("run"),
		.pages_to_scan = ksm_sys_get("pages_to_scan"),
		.sleep_millisecs = ksm_sys_get("sleep_millisecs"),
		.smart_scan = ksm_sys_get("smart_scan"),
	};
	int rc;

	if (saved.run == KSM_UNKNOWN)
		return error_set(err, ENOSYS, "KSM");
	rc = read_advisor(saved.advisor, sizeof(saved.advisor), err);
	if (rc < 0)
		return rc;
	*ret = saved;
	return 0;
}

/* What a kernel does not have needs no setting. */
static int set(const char *name, int64_t value, struct error *err)
{
	return ksm_sys_get(name) == KSM_UNKNOWN ? 0 : ksm_sys_set(name, value, err);
}

/* ksmd counts no scans while no process has anything for it. This one has, until it ends. */
static int register_page(struct error *err)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED || madvise(page, size, MADV_MERGEABLE) < 0)
		return error_set(err, errno, "make a page mergeable");
	return 0;
}

int settle_start(struct error *err)
{
	int rc = register_page(err);

	/* The advisor would set pages_to_scan itself; smart_scan lets pages wait that did not merge at first. */
	if (rc == 0 && access(ADVISOR, F_OK) == 0)
		rc = write_advisor("none", err);
	if (rc == 0)
		rc = set("smart_scan", 0, err);
	if (rc == 0)
		rc = set("pages_to_scan", 20000, err);
	if (rc == 0)
		rc = set("sleep_millisecs", 0, err);
	return rc < 0 ? rc : set("run", 1, err);
}

int settle_restore(const struct settle_saved *saved, struct error *err)
{
	const struct {
		const char *name;
		int64_t value;
	} settings[] = {
		{"run", saved->run},
		{"pages_to_scan", saved->pages_to_scan},
		{"sleep_millisecs", saved->sleep_millisecs},
		{"smart_scan", saved->smart_scan},
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		int failed = set(settings[i].name, settings[i].value, err);

		rc = failed ? failed : rc;
	}
	return write_advisor(saved->advisor, err) < 0 ? -err->code : rc;
}

int settle_census(const pid_t *pids, size_t count, unsigned flags, struct frames_figures *ret,
		  struct error *err)
{
	struct frames_set *set = NULL;
	int rc = frames_set_new(flags, &set, err);

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = frames_set_add(set, pids[i], err);
	if (rc == 0)
		frames_set_count(set, ret);
	frames_set_free(set);
	return rc;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Waits until ksmd has been through everything once more. 1: time is up. */
static int wait_scan(double deadline, const volatile sig_atomic_t *stop)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	int64_t scans = ksm_sys_get("full_scans");

	/* The scan that is under way counts only from here on, so it takes the end of the next one. */
	while (ksm_sys_get("full_scans") < scans + 2) {
		if (*stop)
			return -EINTR;
		if (now() > deadline)
			return 1;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static uint64_t difference(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* Programs that work change some pages all the time: half a percent of what there is to merge is noise. */
static uint64_t noise_of(const struct frames_figures *figures)
{
	return figures->duplicates / 200 + 64 * (uint64_t)sysconf(_SC_PAGESIZE);
}

int settle_quiet(const pid_t *pids, size_t count, unsigned flags, double timeout,
		 const volatile sig_atomic_t *stop, struct frames_figures *ret, struct error *err)
{
	const struct timespec pause = {.tv_nsec = 500000000};
	struct frames_figures last, figures;
	double deadline = now() + timeout;
	int rc = settle_census(pids, count, flags, &figures, err);

	if (rc < 0)
		return rc;
	do {
		last = figures;
		nanosleep(&pause, NULL);
		if (*stop)
			return error_set(err, EINTR, "wait for the programs");
		rc = settle_census(pids, count, flags, &figures, err);
		if (rc < 0)
			return rc;
	} while (now() < deadline && difference(last.frames, figures.frames) +
						     difference(last.distinct, figures.distinct) >
					     noise_of(&figures));
	*ret = figures;
	return 0;
}

int settle_wait(const pid_t *pids, size_t count, const struct frames_figures *before,
		double timeout, const volatile sig_atomic_t *stop, settle_progress *progress,
		struct settle_result *ret, struct error *err)
{
	uint64_t noise = noise_of(before);
	int64_t first = ksm_sys_get("full_scans");
	struct settle_result result = {0};
	uint64_t last = before->duplicates;
	double start = now();
	unsigned quiet = 0;
	int rc = 0;

	while (rc == 0 && quiet < 2) {
		rc = wait_scan(start + timeout, stop);
		if (rc < 0)
			return error_set(err, -rc, "wait for ksmd");
		if (settle_census(pids, count, 0, &result.after, err) < 0)
			return -err->code;
		/* ksmd merges a page on the second scan that finds it unchanged at the earliest. */
		result.scans = (unsigned)(ksm_sys_get("full_scans") - first);
		if (result.scans >= 4 && difference(last, result.after.duplicates) <= noise)
			quiet++;
		else
			quiet = 0;
		last = result.after.duplicates;
		result.seconds = now() - start;
		if (progress)
			progress(result.scans, &result.after, result.seconds);
	}
	result.settled = rc == 0;
	*ret = result;
	return 0;
}
