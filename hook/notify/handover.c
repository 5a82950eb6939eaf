/* SPDX-License-Identifier: Apache-2.0 */
/* What a keeper tells the program that it becomes (exec): the numbers of its descriptors, its children. */
#include "hook/notify/handover.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *key;
	size_t offset;
} members[] = {
	{"journal", offsetof(struct handover, journal)},
	{"socket", offsetof(struct handover, socket)},
	{"made", offsetof(struct handover, made)},
	{"features", offsetof(struct handover, features)},
	{"worker", offsetof(struct handover, worker)},
	{"worker-fd", offsetof(struct handover, worker_fd)},
	{"marker", offsetof(struct handover, marker)},
	{"marker-fd", offsetof(struct handover, marker_fd)},
	{"wake-worker", offsetof(struct handover, wake_worker)},
	{"wake-marker", offsetof(struct handover, wake_marker)},
	{"asked", offsetof(struct handover, asked)},
};
#define MEMBERS	   (sizeof(members) / sizeof(members[0]))
#define CONNECTION "c"

static int *member(struct handover *handover, size_t i)
{
	return (int *)(void *)((char *)handover + members[i].offset);
}

void handover_format(const struct handover *handover, char *buf)
{
	struct handover copy = *handover;
	size_t len = (size_t)snprintf(buf, HANDOVER_SIZE, HANDOVER_OPTION);

	for (size_t i = 0; i < MEMBERS; i++)
		len += (size_t)snprintf(buf + len, HANDOVER_SIZE - len, "%s%s=%d", i ? "," : "",
					members[i].key, *member(&copy, i));
	for (size_t i = 0; i < copy.count; i++)
		len += (size_t)snprintf(buf + len, HANDOVER_SIZE - len, "," CONNECTION "=%d",
					copy.connections[i]);
}

/* "=NUMBER" at *text, which is moved behind it. */
static int read_value(const char **text, int *ret)
{
	char *end;
	long value;

	if (**text != '=')
		return -EINVAL;
	errno = 0;
	value = strtol(*text + 1, &end, 10);
	if (end == *text + 1 || errno || value < INT_MIN || value > INT_MAX ||
	    (*end != ',' && *end != '\0'))
		return -EINVAL;
	*text = end + (*end == ',');
	*ret = (int)value;
	return 0;
}

/* Sets the member of that name; returns its bit, 0 for one that is not known here. */
static unsigned set(struct handover *handover, const char *key, size_t len, int value)
{
	if (len == strlen(CONNECTION) && strncmp(key, CONNECTION, len) == 0) {
		if (handover->count < HANDOVER_CONNECTIONS)
			handover->connections[handover->count++] = value;
		return 0;
	}
	for (size_t i = 0; i < MEMBERS; i++) {
		if (len == strlen(members[i].key) && strncmp(key, members[i].key, len) == 0) {
			*member(handover, i) = value;
			return 1u << i;
		}
	}
	return 0;
}

int handover_parse(const char *text, struct handover *ret, struct error *err)
{
	struct handover handover = {0};
	unsigned seen = 0;

	while (*text) {
		const char *key = text;
		size_t len = strcspn(text, "=");
		int value;

		text += len;
		if (read_value(&text, &value) < 0)
			return error_set(err, EINVAL, "no handover: %s", key);
		seen |= set(&handover, key, len, value);
	}
	if (seen != (1u << MEMBERS) - 1)
		return error_set(err, EINVAL, "the handover is not complete");
	*ret = handover;
	return 0;
}
