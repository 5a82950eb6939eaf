/* SPDX-License-Identifier: Apache-2.0 */
/* Which container a cgroup belongs to: by the names that engines give cgroups. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/common/cgroup.h"
#include "hook/common/proc.h"

/* What engines put before the ID: runc's and crun's own scopes, podman, docker, containerd's and CRI-O's CRI, nerdctl. */
static const char *const prefixes[] = {
	"", "crun-", "runc-", "libpod-", "docker-", "cri-containerd-", "crio-", "nerdctl-",
};

struct text {
	const char *start;
	size_t len;
};

static int compare_id(const void *key, const void *member)
{
	const struct text *id = key;
	const struct cgroup_container *container = member;
	int order = strncmp(id->start, container->id, id->len);

	return order ? order : -(container->id[id->len] != '\0');
}

static ssize_t find_id(struct text id, const struct cgroup_container *sorted, size_t count)
{
	const struct cgroup_container *found =
		bsearch(&id, sorted, count, sizeof(*sorted), compare_id);

	return found ? found - sorted : -1;
}

/* One component of a path: the ID itself, or PREFIX-ID, with or without ".scope". */
static ssize_t match_component(struct text name, const struct cgroup_container *sorted,
			       size_t count)
{
	static const char suffix[] = ".scope";
	const size_t suffix_len = sizeof(suffix) - 1;
	ssize_t found = find_id(name, sorted, count);

	if (found >= 0)
		return found;
	if (name.len > suffix_len &&
	    !memcmp(name.start + name.len - suffix_len, suffix, suffix_len))
		name.len -= suffix_len;
	for (size_t i = 0; found < 0 && i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t len = strlen(prefixes[i]);

		if (name.len > len && !strncmp(name.start, prefixes[i], len))
			found = find_id((struct text){name.start + len, name.len - len}, sorted,
					count);
	}
	return found;
}

static bool is_hex_id(struct text name)
{
	return name.len == 64 && strspn(name.start, "0123456789abcdef") >= name.len;
}

/* What engines call a container's cgroup, and nothing else: "libpod-ID.scope" (but not its "libpod-conmon-ID.scope"), or 64 digits. */
static bool find_engine_id(struct text name, struct text *ret)
{
	static const char suffix[] = ".scope", monitor[] = "conmon-";
	const size_t suffix_len = sizeof(suffix) - 1;

	if (is_hex_id(name)) {
		*ret = name;
		return true;
	}
	if (name.len > suffix_len &&
	    !memcmp(name.start + name.len - suffix_len, suffix, suffix_len))
		name.len -= suffix_len;
	for (size_t i = 1; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t len = strlen(prefixes[i]);

		if (name.len <= len || strncmp(name.start, prefixes[i], len) != 0 ||
		    !strncmp(name.start + len, monitor, sizeof(monitor) - 1))
			continue;
		*ret = (struct text){name.start + len, name.len - len};
		return true;
	}
	return false;
}

/* Are we in a cgroup with that part, too? Then it is the machine to us, a container in which containers run. */
static bool is_around_us(struct text part)
{
	static char own[16384];
	if (!*own && proc_read(getpid(), "cgroup", own, sizeof(own), NULL) <= 0)
		return false;
	for (const char *p = own; (p = strchr(p, '/')) != NULL;) {
		size_t len = strcspn(++p, "/\n");

		if (len == part.len && !strncmp(p, part.start, len))
			return true;
	}
	return false;
}

/* Below a container's own cgroup names are what that container makes of them; pods of podman are called as containers can be. */
static bool ends_here(struct text name, bool in_pods)
{
	struct text id;

	return find_engine_id(name, &id) && !(in_pods && is_hex_id(name)) && !is_around_us(name);
}

/* Ends the path where the container's own cgroup ends. */
static ssize_t match_path(struct text *path, const struct cgroup_container *sorted, size_t count)
{
	static const char pods[] = "libpod_parent";
	const char *end = path->start + path->len;
	bool in_pods = false;

	/* The outermost: a container can make cgroups below its own, under any name. */
	for (const char *p = path->start; p < end;) {
		const char *slash = memchr(p, '/', (size_t)(end - p));
		struct text name = {p, (size_t)((slash ? slash : end) - p)};
		ssize_t found = name.len ? match_component(name, sorted, count) : -1;

		if (found >= 0) {
			path->len = (size_t)(name.start + name.len - path->start);
			return found;
		}
		if (name.len && ends_here(name, in_pods))
			return -1;
		in_pods = name.len == sizeof(pods) - 1 && !strncmp(name.start, pods, name.len);
		p += name.len + 1;
	}
	return -1;
}

/* The next line's path and controllers ("hierarchy:controllers:path"; cgroup v1 has a line for each hierarchy); false at the end. */
static bool next_path(const char **text, struct text *controllers, struct text *path)
{
	while (**text) {
		const char *line = *text, *end = line + strcspn(line, "\n");
		const char *first = memchr(line, ':', (size_t)(end - line));
		const char *second =
			first ? memchr(first + 1, ':', (size_t)(end - first - 1)) : NULL;

		*text = end + (*end == '\n');
		if (!second)
			continue;
		*controllers = (struct text){first + 1, (size_t)(second - first - 1)};
		*path = (struct text){second + 1, (size_t)(end - second - 1)};
		return true;
	}
	return false;
}

ssize_t cgroup_match(const char *text, const struct cgroup_container *sorted, size_t count)
{
	struct text controllers, path;
	ssize_t found = -1;

	while (found < 0 && next_path(&text, &controllers, &path))
		found = match_path(&path, sorted, count);
	return found;
}

static bool copy_text(struct text text, char *buf, size_t size)
{
	if (text.len >= size)
		return false;
	memcpy(buf, text.start, text.len);
	buf[text.len] = '\0';
	return true;
}

ssize_t cgroup_match_next(const char **text, const struct cgroup_container *sorted, size_t count,
			  struct cgroup_place *ret)
{
	struct text controllers, path;

	while (next_path(text, &controllers, &path)) {
		ssize_t found = match_path(&path, sorted, count);

		if (found >= 0 &&
		    copy_text(controllers, ret->controllers, sizeof(ret->controllers)) &&
		    copy_text(path, ret->path, sizeof(ret->path)))
			return found;
	}
	return -1;
}

bool cgroup_engine_id(const char *text, char *buf, size_t size)
{
	struct text controllers, path, id;

	while (next_path(&text, &controllers, &path)) {
		const char *end = path.start + path.len;

		for (const char *p = path.start; p < end;) {
			const char *slash = memchr(p, '/', (size_t)(end - p));
			struct text name = {p, (size_t)((slash ? slash : end) - p)};

			if (find_engine_id(name, &id) && id.len < size) {
				memcpy(buf, id.start, id.len);
				buf[id.len] = '\0';
				return true;
			}
			p += name.len + 1;
		}
	}
	return false;
}

bool cgroup_is_named(const char *text, const char *name)
{
	const struct cgroup_container one = {.id = name};
	struct text controllers, path, id;

	while (next_path(&text, &controllers, &path)) {
		const char *end = path.start + path.len;

		for (const char *p = path.start; p < end;) {
			const char *slash = memchr(p, '/', (size_t)(end - p));
			struct text part = {p, (size_t)((slash ? slash : end) - p)};

			if (part.len && match_component(part, &one, 1) >= 0)
				return true;
			if (find_engine_id(part, &id))
				break;
			p += part.len + 1;
		}
	}
	return false;
}

static bool is_at_or_below(struct text path, const char *folder)
{
	size_t len = strlen(folder);

	while (len && folder[len - 1] == '/')
		len--;
	return path.len >= len && !strncmp(path.start, folder, len) &&
	       (path.len == len || path.start[len] == '/');
}

/* "cpu" or "cpu,cpuacct", the folder of such a hierarchy of v1, or "unified", which has no controllers. */
static bool names_hierarchy(struct text folder, struct text controllers)
{
	const char *p = controllers.start, *end = p + controllers.len;

	if (!controllers.len)
		return folder.len == 7 && !strncmp(folder.start, "unified", 7);
	if (controllers.len > 5 && !strncmp(p, "name=", 5))
		p += 5;
	if (folder.len == (size_t)(end - p) && !strncmp(folder.start, p, folder.len))
		return true;
	while (p < end) {
		size_t len = strcspn(p, ",:");

		if (folder.len == len && !strncmp(folder.start, p, len))
			return true;
		p += len + 1;
	}
	return false;
}

bool cgroup_is_in(const char *text, const char *folder)
{
	static const char mount[] = "/sys/fs/cgroup";
	struct text controllers, path;
	bool is_file = !strncmp(folder, mount, sizeof(mount) - 1);

	if (is_file)
		folder += sizeof(mount) - 1;
	while (next_path(&text, &controllers, &path)) {
		const char *name = folder + (*folder == '/');
		struct text first = {name, strcspn(name, "/")};

		if (is_at_or_below(path, folder))
			return true;
		if (is_file && names_hierarchy(first, controllers) &&
		    is_at_or_below(path, first.start + first.len))
			return true;
	}
	return false;
}
