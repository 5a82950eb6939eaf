/* SPDX-License-Identifier: Apache-2.0 */
/* Is there room for pages that are to be separate again? */
#include "hook/mark/room.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/common/proc.h"
#include "hook/mark/hierarchy.h"
#include "oci-config/cleanup.h"
#include "oci-config/file.h"

#define MIB	 (UINT64_C(1) << 20)
#define NO_LIMIT (UINT64_C(1) << 60) /* v1 has a number where v2 says "max" */
#define TEXT_MAX 8192

static ssize_t read_text(const char *folder, const char *name, char *buf, size_t size)
{
	cleanup_close int fd = -1;
	char path[PATH_MAX];
	ssize_t len;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = ocfg_file_read_full(fd, buf, size - 1);
	if (len >= 0)
		buf[len] = '\0';
	return len;
}

static uint64_t number_in(const char *folder, const char *name, uint64_t missing)
{
	char text[64];
	int64_t number;

	if (read_text(folder, name, text, sizeof(text)) <= 0 || proc_number(text, &number) < 0)
		return missing; /* "max", too */
	return (uint64_t)number;
}

static uint64_t number_of(const char *text, const char *key)
{
	const char *at = proc_find(text, key);
	int64_t number;

	return at && proc_number(at, &number) == 0 ? (uint64_t)number : 0;
}

/* What the container, or the host, keeps for other things: a part of the whole, within bounds. */
static uint64_t kept(uint64_t whole, uint64_t least, uint64_t most)
{
	uint64_t part = whole / 32;

	return part < least ? least : part > most ? most : part;
}

static int check_limit(const char *folder, const char *name, uint64_t usage, uint64_t bytes,
		       struct error *err)
{
	uint64_t limit = number_in(folder, name, NO_LIMIT);
	uint64_t keep = kept(limit, MIB / 2, 32 * MIB);

	if (limit >= NO_LIMIT || usage + bytes + keep <= limit)
		return 0;
	return error_set(err, ENOMEM,
			 "%" PRIu64 " MiB more do not fit in %s, where %s is %" PRIu64
			 " MiB and %" PRIu64 " MiB are used: raise it, or free memory there",
			 (bytes + MIB - 1) / MIB, folder, name, limit / MIB, usage / MIB);
}

int room_in_cgroup(const char *folder, uint64_t bytes, struct error *err)
{
	static const char *const limits[] = {"memory.max", "memory.high"};
	static const char v1[] = "memory.limit_in_bytes";
	char text[TEXT_MAX];
	uint64_t usage, cache;
	int rc;

	/* What was read from files and not used since is given back at once. */
	if (read_text(folder, "memory.stat", text, sizeof(text)) <= 0)
		return 0;
	usage = number_in(folder, "memory.usage_in_bytes", 0);
	if (usage) {
		cache = number_of(text, "total_inactive_file");
		return check_limit(folder, v1, usage - (cache < usage ? cache : usage), bytes, err);
	}
	usage = number_in(folder, "memory.current", 0);
	cache = number_of(text, "inactive_file");
	usage -= cache < usage ? cache : usage;
	for (size_t i = 0; i < 2; i++) {
		rc = check_limit(folder, limits[i], usage, bytes, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int room_in_host(const char *meminfo, uint64_t bytes, struct error *err)
{
	uint64_t total = number_of(meminfo, "MemTotal") * 1024;
	uint64_t available = number_of(meminfo, "MemAvailable") * 1024;
	uint64_t keep = kept(total, 64 * MIB, 1024 * MIB);

	if (!available || bytes + keep <= available)
		return 0;
	return error_set(err, ENOMEM,
			 "%" PRIu64 " MiB more do not fit in the host's memory, of which %" PRIu64
			 " MiB are available (MemAvailable) and %" PRIu64
			 " MiB are to stay so: free memory",
			 (bytes + MIB - 1) / MIB, available / MIB, keep / MIB);
}

/* The folder and those above it, up to the root of the hierarchy. */
static int check_upwards(char *folder, uint64_t bytes, struct error *err)
{
	char procs[PATH_MAX + 16];

	for (;;) {
		char *slash = strrchr(folder, '/');
		int rc;

		snprintf(procs, sizeof(procs), "%s/cgroup.procs", folder);
		if (!slash || access(procs, F_OK) < 0)
			return 0;
		rc = room_in_cgroup(folder, bytes, err);
		if (rc < 0)
			return rc;
		*slash = '\0';
	}
}

int room_check(pid_t pid, uint64_t bytes, struct error *err)
{
	static const char *const controllers[] = {"memory", NULL};
	char text[TEXT_MAX], folder[PATH_MAX];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < 2; i++)
		if (hierarchy_folder(pid, controllers[i], folder, sizeof(folder)) == 0)
			rc = check_upwards(folder, bytes, err);
	if (rc == 0 && read_text("/proc", "meminfo", text, sizeof(text)) > 0)
		rc = room_in_host(text, bytes, err);
	return rc;
}
