/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the unit tests of oci-config share: cmocka with its includes, and short ways to say things.
 */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "oci-config/cleanup.h"
#include "oci-config/error.h"
#include "oci-config/json.h"
#include "oci-config/spec.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* `call` uses &err, which is declared here, and must succeed. */
#define assert_ok(call)                                              \
	do {                                                         \
		struct error err = {0};                              \
		int rc_ = (call);                                    \
		if (rc_ != 0)                                        \
			fail_msg("%s: %d: %s", #call, rc_, err.msg); \
	} while (0)

/* `call` must return -code and say `words` in its message. */
#define assert_error(call, expected, words)                                                  \
	do {                                                                                 \
		struct error err = {0};                                                      \
		int rc_ = (call);                                                            \
		if (rc_ != -(expected) || err.code != (expected) || !strstr(err.msg, words)) \
			fail_msg("%s: %d instead of %d: \"%s\" lacks \"%s\"", #call, rc_,    \
				 -(expected), err.msg, words);                               \
	} while (0)

static inline struct ocfg_spec spec_of(enum ocfg_spec_kind kind, const char *text)
{
	struct ocfg_spec spec;

	assert_ok(ocfg_spec_parse(text, strlen(text), kind, &spec, &err));
	return spec;
}

static inline struct ocfg_spec config_of(const char *text)
{
	return spec_of(OCFG_SPEC_CONFIG, text);
}

static inline json_object *json_of(const char *text)
{
	json_object *value = NULL;

	assert_ok(ocfg_json_parse(text, strlen(text), &value, &err));
	return value;
}

static inline void assert_prints(json_object *value, const char *expected)
{
	const char *text = NULL;
	size_t len = 0;

	assert_ok(ocfg_json_print(value, &text, &len, &err));
	assert_string_equal(text, expected);
	assert_int_equal(len, strlen(expected));
}

/* An empty folder of the test's own; temporary_remove takes it away with what is in it. */
static inline char *temporary_make(void)
{
	const char *parent = getenv("TMPDIR");
	char *path = NULL;

	if (asprintf(&path, "%s/oci-ksm-unit.XXXXXX", parent ? parent : "/tmp") < 0 ||
	    !mkdtemp(path))
		fail_msg("no temporary folder");
	return path;
}

static inline void temporary_remove(char *path)
{
	char command[4096];

	snprintf(command, sizeof(command), "rm -rf -- '%s'", path);
	assert_int_equal(system(command), 0);
	free(path);
}

/* A folder of each test's own, as *state. */
struct folder {
	char *path;
	int fd;
};

static inline int folder_set_up(void **state)
{
	static struct folder folder;

	folder.path = temporary_make();
	folder.fd = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(folder.fd >= 0);
	*state = &folder;
	return 0;
}

static inline int folder_tear_down(void **state)
{
	struct folder *folder = *state;

	close(folder->fd);
	temporary_remove(folder->path);
	return 0;
}

#endif
