/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was found out since the machine was booted: a file in the folder of state, one for those who have CAP_SYS_ADMIN and one for
 * those who do not, because some features are for the former only. A file that somebody else wrote or may write, or that is of
 * another boot or version, is as good as none.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hook/common/paths.h"
#include "hook/common/probe.h"
#include "oci-config/cleanup.h"
#include "oci-config/file.h"
#include "oci-config/json.h"

#define BOOT_ID	  "/proc/sys/kernel/random/boot_id"
#define CACHE_MAX 4096

struct cache {
	int dir; /* -1: there is none to be had */
	bool privileged;
	char boot[64];
	unsigned known, found; /* enum probe; found is a part of known */
};

static const char *name_of(const struct cache *cache)
{
	return cache->privileged ? "probes-admin.json" : "probes.json";
}

static bool is_privileged(void)
{
	cap_flag_value_t value = CAP_CLEAR;
	cap_t caps = cap_get_proc();

	if (caps) {
		(void)cap_get_flag(caps, CAP_SYS_ADMIN, CAP_EFFECTIVE, &value);
		cap_free(caps);
	}
	return value == CAP_SET;
}

static bool read_boot(char *buf, size_t size)
{
	cleanup_close int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (n <= 0)
		return false;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return buf[0] != '\0';
}

/* Its text, if this user has written it and nobody else may; to be freed. */
static char *read_own_file(int dir, const char *name)
{
	cleanup_close int fd =
		openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	cleanup_free char *text = NULL;
	struct stat st;
	ssize_t len;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 022) || st.st_size > CACHE_MAX)
		return NULL;
	text = malloc(CACHE_MAX + 1);
	len = text ? ocfg_file_read_full(fd, text, CACHE_MAX) : -1;
	if (len < 0)
		return NULL;
	text[len] = '\0';
	return steal_pointer(&text);
}

static bool has(json_object *doc, const char *key, const char *value)
{
	const char *text = NULL;

	return ocfg_json_get_string(doc, key, &text, NULL) == 0 && text && !strcmp(text, value);
}

static void load(struct cache *cache)
{
	cleanup_free char *text = read_own_file(cache->dir, name_of(cache));
	cleanup_json json_object *doc = NULL;
	uint64_t known = 0, found = 0;

	if (!text || ocfg_json_parse(text, strlen(text), &doc, NULL) < 0 ||
	    ocfg_json_expect(doc, json_type_object, "document", NULL) < 0 ||
	    !has(doc, "boot_id", cache->boot) || !has(doc, "version", OCI_KSM_VERSION) ||
	    ocfg_json_get_uint64(doc, "known", &known, NULL) < 0 ||
	    ocfg_json_get_uint64(doc, "found", &found, NULL) < 0 || known > PROBE_ALL ||
	    (found & ~known))
		return;
	cache->known = (unsigned)known;
	cache->found = (unsigned)found;
}

/* Without a cache the next one tries again. */
static void save(const struct cache *cache)
{
	cleanup_json json_object *doc = json_object_new_object();
	const char *text;
	size_t len;

	if (!doc || ocfg_json_add(doc, "boot_id", json_object_new_string(cache->boot), NULL) < 0 ||
	    ocfg_json_add(doc, "version", json_object_new_string(OCI_KSM_VERSION), NULL) < 0 ||
	    ocfg_json_add(doc, "known", json_object_new_uint64(cache->known), NULL) < 0 ||
	    ocfg_json_add(doc, "found", json_object_new_uint64(cache->found), NULL) < 0 ||
	    ocfg_json_print(doc, &text, &len, NULL) < 0)
		return;
	/* Replacing keeps the owner and mode of what is there: what was refused goes first. */
	(void)unlinkat(cache->dir, name_of(cache), 0);
	(void)ocfg_file_replace(cache->dir, name_of(cache), text, len, NULL);
}

/*
 * Whoever has a seccomp filter finds what that leaves, maybe another listener: it holds for nobody else, and what others found
 * does not hold here.
 */
static bool is_filtered(void)
{
	return prctl(PR_GET_SECCOMP, 0UL, 0UL, 0UL, 0UL) != 0;
}

static int open_cache(const struct ocfg_settings *settings, struct cache *cache)
{
	*cache = (struct cache){.dir = -1};
	if (is_filtered() || !read_boot(cache->boot, sizeof(cache->boot)))
		return -1;
	cache->privileged = is_privileged();
	cache->dir = paths_state_dir(settings, "", NULL);
	return cache->dir;
}

unsigned probe_cached(const struct ocfg_settings *settings, unsigned wanted)
{
	unsigned forbidden = probe_forbidden(), missing, sure, found;
	struct cache cache;
	cleanup_close int dir = open_cache(settings, &cache);

	if (dir >= 0)
		load(&cache);
	missing = wanted & ~cache.known & ~forbidden;
	if (missing) {
		found = probe_try(missing, &sure);
		cache.found |= found;
		cache.known |= sure;
		if (dir >= 0 && sure)
			save(&cache);
	}
	return cache.found & wanted & ~forbidden;
}
