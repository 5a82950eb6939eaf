/* SPDX-License-Identifier: Apache-2.0 */
/* The modes: ways to make a container's memory mergeable. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "oci-config/mode.h"

static const struct {
	unsigned mode;
	const char *name;
} names[] = {
	{OCFG_MODE_PRELOAD, "preload"},
	{OCFG_MODE_NOTIFY, "notify"},
	{OCFG_MODE_PROCESS, "process"},
	{OCFG_MODE_AUTO, "auto"},
};

#define NAMES (sizeof(names) / sizeof(names[0]))

static unsigned mode_of(const char *word, size_t len)
{
	for (size_t i = 0; i < NAMES; i++)
		if (strlen(names[i].name) == len && memcmp(names[i].name, word, len) == 0)
			return names[i].mode;
	return 0;
}

int ocfg_mode_parse(const char *text, unsigned *ret, struct error *err)
{
	unsigned modes = 0;
	const char *word = text;

	if (strcmp(text, "off") == 0) {
		*ret = 0;
		return 0;
	}
	for (;;) {
		size_t len = strcspn(word, ",");
		unsigned mode = mode_of(word, len);

		if (mode == 0)
			return error_set(err, EINVAL, "unknown mode \"%.*s\"",
					 len > 32 ? 32 : (int)len, word);
		modes |= mode;
		if (word[len] == '\0')
			break;
		word += len + 1;
	}
	*ret = modes;
	return 0;
}

const char *ocfg_mode_format(unsigned modes, char *buf, size_t size)
{
	size_t len = 0;

	snprintf(buf, size, "off");
	for (size_t i = 0; i < NAMES && len < size; i++)
		if (modes & names[i].mode)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len > 0 ? "," : "",
						names[i].name);
	return buf;
}
