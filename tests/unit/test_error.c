/* SPDX-License-Identifier: Apache-2.0 */
/* Errors and notes: texts, codes, and what happens when there is no room. */
#include <errno.h>

#include "oci-config/notes.h"
#include "tests/unit/unit.h"

static void says_what_failed_and_why(void **state)
{
	struct error err = {0};

	(void)state;
	assert_int_equal(error_set(&err, ENOENT, "open %s", "/x"), -ENOENT);
	assert_int_equal(err.code, ENOENT);
	assert_string_equal(err.msg, "open /x: No such file or directory");
	assert_int_equal(error_wrap(&err, "read %s", "config"), -ENOENT);
	assert_string_equal(err.msg, "read config: open /x: No such file or directory");
}

static void adds_no_text_where_the_message_is_the_reason(void **state)
{
	struct error err = {0};

	(void)state;
	error_set(&err, EINVAL, "id: missing");
	assert_string_equal(err.msg, "id: missing");
	error_set(&err, EPROTO, "no answer");
	assert_string_equal(err.msg, "no answer");
}

static void takes_no_error_object(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, ENOENT, "open"), -ENOENT);
	assert_int_equal(error_wrap(NULL, "read"), -EIO);
}

static void cuts_off_what_is_too_long(void **state)
{
	struct error err = {0};
	char text[600];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	error_set(&err, ENOENT, "%s", text);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	error_set(&err, EINVAL, "%.500s", text);
	error_wrap(&err, "outer");
	assert_int_equal(strlen(err.msg), sizeof("outer: ") - 1 + 500);
	error_wrap(&err, "outer");
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	assert_memory_equal(err.msg, "outer: outer: xxx", 17);
	error_wrap(&err, "%s", text);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
}

static void keeps_the_first_notes_and_counts_all(void **state)
{
	struct ocfg_notes notes = {0};
	char text[300];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ocfg_notes_add(&notes, "%s", text);
	for (int i = 1; i < OCFG_NOTES_MAX + 3; i++)
		ocfg_notes_add(&notes, "note %d", i);
	assert_int_equal(notes.count, OCFG_NOTES_MAX + 3);
	assert_int_equal(strlen(notes.text[0]), OCFG_NOTE_SIZE - 1);
	assert_string_equal(notes.text[OCFG_NOTES_MAX - 1], "note 7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_failed_and_why),
		cmocka_unit_test(adds_no_text_where_the_message_is_the_reason),
		cmocka_unit_test(takes_no_error_object),
		cmocka_unit_test(cuts_off_what_is_too_long),
		cmocka_unit_test(keeps_the_first_notes_and_counts_all),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
