/* SPDX-License-Identifier: Apache-2.0 */
/* The real OCI runtime behind the wrapper. */
#include "hook/runtime/real.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWN_NAME "oci-ksm-runtime"

static const char *const folders[] = {
	"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
};

/* A program that can be started, and is not this one, whatever links lead to it. */
static bool is_usable(const char *path)
{
	struct stat st, own;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0 &&
	       stat("/proc/self/exe", &own) == 0 &&
	       (st.st_dev != own.st_dev || st.st_ino != own.st_ino);
}

/* An absolute path, or a name to be looked for. */
static bool find_named(const char *name, char *buf, size_t size)
{
	if (name[0] == '/')
		return (size_t)snprintf(buf, size, "%s", name) < size && is_usable(buf);
	if (name[0] == '\0' || strchr(name, '/'))
		return false;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if ((size_t)snprintf(buf, size, "%s/%s", folders[i], name) < size && is_usable(buf))
			return true;
	return false;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Names in one line, for a message. */
static void join(const char *const *names, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (; *names && len < size; names++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "", *names);
}

/* NAME of a link "oci-ksm-runtime-NAME" by which we were started, or NULL. */
static const char *picked_name(const char *argv0)
{
	const char *base = base_name(argv0);

	return strncmp(base, OWN_NAME "-", sizeof(OWN_NAME)) ? NULL : base + sizeof(OWN_NAME);
}

int real_find(const char *argv0, const struct ocfg_settings *settings, char *buf, size_t size,
	      struct error *err)
{
	static const char *const defaults[] = {"crun", "runc", NULL};
	const char *picked = picked_name(argv0);
	const char *const *names =
		settings->runtimes[0] ? (const char *const *)settings->runtimes : defaults;
	char wanted[256];

	join(names, wanted, sizeof(wanted));
	/* What is picked by name may stand in the settings with its path. */
	for (; *names; names++)
		if ((!picked || !strcmp(base_name(*names), picked)) &&
		    find_named(*names, buf, size))
			return 0;
	if (picked && find_named(picked, buf, size))
		return 0;
	return error_set(err, ENOENT,
			 "find OCI runtime %s (install it, or correct runtimes in the settings)",
			 picked ? picked : wanted);
}
