/* SPDX-License-Identifier: Apache-2.0 */
/* What the seccomp-notify helper is told of: the listenerMetadata, and the calls as data. */
#include "oci-config/notify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "oci-config/annotations.h"

#define NAME	 "oci-ksm"
#define MIN_SIZE "min-size="
#define WORD_MAX 64

/* Arguments of mmap. */
#define MMAP_LENGTH 1
#define MMAP_FLAGS  3

/* In the order in which they are written. */
static const struct {
	const char *word;
	size_t offset;
} flags[] = {
	{"regions", offsetof(struct ocfg_notify, regions)},
	{"sync", offsetof(struct ocfg_notify, sync)},
	{"brk", offsetof(struct ocfg_notify, brk)},
};

static bool *flag_of(struct ocfg_notify *notify, size_t i)
{
	return (bool *)(void *)((char *)notify + flags[i].offset);
}

/* To whole pages; false if there is no such number. */
static bool round_up(size_t size, size_t *ret)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), sum;

	if (__builtin_add_overflow(size == 0 ? OCFG_NOTIFY_MIN_SIZE : size, page - 1, &sum))
		return false;
	*ret = sum & ~(page - 1);
	return true;
}

struct ocfg_notify ocfg_notify_of(size_t min_size, bool brk)
{
	struct ocfg_notify notify = {
		.min_size = OCFG_NOTIFY_MIN_SIZE,
		.regions = min_size != 0,
		.brk = brk,
	};

	if (!round_up(min_size, &notify.min_size))
		notify.min_size = min_size;
	return notify;
}

static int parse_min_size(const char *text, size_t *min_size, struct error *err)
{
	size_t size;

	if (ocfg_size_parse(text, &size, NULL) < 0 || !round_up(size, min_size))
		return error_set(err, EINVAL, "\"%.32s\" is no size", text);
	return 0;
}

static int parse_word(const char *word, struct ocfg_notify *notify, struct error *err)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strcmp(word, flags[i].word) == 0) {
			*flag_of(notify, i) = true;
			return 0;
		}
	}
	if (strncmp(word, MIN_SIZE, strlen(MIN_SIZE)) == 0)
		return parse_min_size(word + strlen(MIN_SIZE), &notify->min_size, err);
	return error_set(err, EINVAL, "unknown word \"%.32s\"", word);
}

/* Copies the word at *text and steps over it and the one space that follows. */
static int next_word(const char **text, char *word, struct error *err)
{
	size_t len = strcspn(*text, " ");

	if (len == 0 || len >= WORD_MAX)
		return error_set(err, EINVAL, "not words with one space between them");
	memcpy(word, *text, len);
	word[len] = '\0';
	*text += len;
	if (**text == ' ' && *++*text == '\0')
		return error_set(err, EINVAL, "a space at the end");
	return 0;
}

int ocfg_notify_parse(const char *metadata, struct ocfg_notify *ret, struct error *err)
{
	struct ocfg_notify notify = {.min_size = OCFG_NOTIFY_MIN_SIZE};
	char word[WORD_MAX];
	bool first = true;
	int rc = 0;

	for (const char *at = metadata ? metadata : ""; rc == 0 && *at != '\0'; first = false) {
		rc = next_word(&at, word, err);
		if (rc < 0)
			break;
		if (!first)
			rc = parse_word(word, &notify, err);
		else if (strcmp(word, NAME) != 0)
			rc = error_set(err, EINVAL, "\"%.32s\" instead of \"" NAME "\"", word);
	}
	if (rc < 0)
		return error_wrap(err, "listenerMetadata");
	*ret = notify;
	return 0;
}

const char *ocfg_notify_format(const struct ocfg_notify *notify, char *buf, size_t size)
{
	struct ocfg_notify copy = *notify;
	size_t len = (size_t)snprintf(buf, size, NAME " " MIN_SIZE "%zu", notify->min_size);

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]) && len < size; i++)
		if (*flag_of(&copy, i))
			len += (size_t)snprintf(buf + len, size - len, " %s", flags[i].word);
	return buf;
}

size_t ocfg_notify_calls(const struct ocfg_notify *notify,
			 struct ocfg_notify_call ret[OCFG_NOTIFY_CALLS])
{
	static const struct ocfg_notify_call heap = {
		.name = "brk",
		.count = 1,
		.conditions = {{0, OCFG_NOTIFY_NE, 0,
				0}}, /* brk(0) only asks where the heap ends */
	};
	const struct ocfg_notify_call map = {
		.name = "mmap",
		.count = 2,
		.conditions =
			{
				{MMAP_LENGTH, OCFG_NOTIFY_GE, notify->min_size, 0},
				{MMAP_FLAGS, OCFG_NOTIFY_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS},
			},
	};

	ret[0] = map;
	ret[1] = heap;
	return notify->brk || notify->sync ? 2 : 1;
}
