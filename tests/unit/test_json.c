/* SPDX-License-Identifier: Apache-2.0 */
/* The strict parser: what is JSON and survives, what is refused and how that is said. */
#include <errno.h>

#include "oci-config/file.h"
#include "tests/unit/unit.h"

/* Printed again these must be what they were, byte for byte. */
static const char *const survivors[] = {
	"0",
	"-1",
	"null",
	"true",
	"\"\"",
	"[]",
	"{}",
	"[0,-1,1,9223372036854775807,-9223372036854775808,18446744073709551615]",
	"[0.0,-0.0,1.0,2.50,1e5,1E5,1e+5,1E-5,1e400,0.1000000000000000055511151231257827,-1.5e-"
	"300]",
	"[123456789012345678901234567890.5,1e99999]",
	"{\"b\":1,\"a\":2,\"\":3,\"A\":4}",
	"{\"a\":{\"a\":{\"a\":null}},\"b\":[{\"a\":1},{\"a\":1}]}",
	"[true,false,null]",
	"\"/a/b\"",
	"\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\"",
	"\"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf0\x90\x80\x80"
	"\xf4\x8f\xbf\xbf\"",
};

static void keeps_what_it_reads(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(survivors); i++) {
		cleanup_json json_object *value = json_of(survivors[i]);

		assert_prints(value, survivors[i]);
	}
}

static void takes_spaces_and_escapes(void **state)
{
	cleanup_json json_object *value = json_of(" \t\r\n{ \"a\" : [ 1 , 2 ] ,\n\"\\u0062\" : "
						  "\"\\/\\u003c\\u00e9\\ud83d\\ude00\" } ");

	(void)state;
	assert_prints(value, "{\"a\":[1,2],\"b\":\"/<\xc3\xa9\xf0\x9f\x98\x80\"}");
}

static void is_bounded_by_length_not_by_nul(void **state)
{
	json_object *value = NULL;

	(void)state;
	assert_ok(ocfg_json_parse("12345", 2, &value, &err));
	assert_prints(value, "12");
	json_object_put(value);
	assert_error(ocfg_json_parse("1\0", 2, &value, &err), EINVAL, "something follows");
	assert_error(ocfg_json_parse("\"a\0b\"", 5, &value, &err), EINVAL, "control character");
	assert_error(ocfg_json_parse("{}", OCFG_FILE_MAX + 1, &value, &err), EFBIG,
		     "bytes of JSON");
}

static const struct {
	const char *text, *words;
} refused[] = {
	{"", "line 1, column 1: a value is missing"},
	{" ", "a value is missing"},
	{"\n\n  x", "line 3, column 3: no JSON value"},
	{"{} {}", "line 1, column 4: something follows"},
	{"[1]x", "something follows"},
	{"[1,]", "no JSON value"},
	{"[,1]", "no JSON value"},
	{"[1", "a comma or a closing bracket"},
	{"[1}", "a comma or a closing bracket"},
	{"{\"a\":1", "a comma or a closing bracket"},
	{"{\"a\":1,}", "a string should be here"},
	{"{\"a\"}", "a colon should be here"},
	{"{\"a\":}", "no JSON value"},
	{"{a:1}", "a string should be here"},
	{"{'a':1}", "a string should be here"},
	{"{1:1}", "a string should be here"},
	{"tru", "no JSON value"},
	{"TRUE", "no JSON value"},
	{"nul", "no JSON value"},
	{"truex", "something follows"},
	{"NaN", "no JSON value"},
	{"-Infinity", "no valid number"},
	{"/* */1", "no JSON value"},
	{"// x\n1", "no JSON value"},
	{"\xef\xbb\xbf{}", "no JSON value"},
	{"01", "no valid number"},
	{"-", "no valid number"},
	{"+1", "no JSON value"},
	{".5", "no JSON value"},
	{"1.", "no digit after the decimal point"},
	{"1.e5", "no digit after the decimal point"},
	{"1e", "no digit in the exponent"},
	{"1e+", "no digit in the exponent"},
	{"0x10", "something follows"},
	{"[-0]", "64 bits cannot hold"},
	{"18446744073709551616", "64 bits cannot hold"},
	{"99999999999999999999999999", "64 bits cannot hold"},
	{"-9223372036854775809", "64 bits cannot hold"},
	{"\"a", "a string without end"},
	{"\"\\", "no valid escape"},
	{"\"\\x41\"", "no valid escape"},
	{"\"\\u12\"", "no valid escape"},
	{"\"\\u12g4\"", "no valid escape"},
	{"\"\\u0000\"", "a NUL character"},
	{"{\"a\\u0000b\":1}", "a NUL character"},
	{"\"\\ud800\"", "half of a surrogate pair"},
	{"\"\\ud800x\"", "half of a surrogate pair"},
	{"\"\\ud800\\n\"", "half of a surrogate pair"},
	{"\"\\ud800\\ud800\"", "half of a surrogate pair"},
	{"\"\\udc00\"", "half of a surrogate pair"},
	{"\"\t\"", "a control character"},
	{"\"\n\"", "a control character"},
	{"\"\x80\"", "invalid UTF-8"},
	{"\"\xc0\x80\"", "invalid UTF-8"},
	{"\"\xc3\"", "invalid UTF-8"},
	{"\"\xe0\x80\x80\"", "invalid UTF-8"},
	{"\"\xed\xa0\x80\"", "invalid UTF-8"},
	{"\"\xf0\x80\x80\x80\"", "invalid UTF-8"},
	{"\"\xf4\x90\x80\x80\"", "invalid UTF-8"},
	{"\"\xf5\x80\x80\x80\"", "invalid UTF-8"},
	{"\"\xff\"", "invalid UTF-8"},
	{"\xc3\xa9", "no JSON value"},
	{"{\"a\":1,\"a\":1}", "two members of the same name"},
	{"{\"a\":1,\"\\u0061\":2}", "two members of the same name"},
	{"[{\"x\":{\"b\":{},\"a\":[],\"b\":{}}}]", "two members of the same name"},
};

static void refuses_what_is_no_json_or_would_not_survive(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		json_object *value = NULL;

		assert_error(
			ocfg_json_parse(refused[i].text, strlen(refused[i].text), &value, &err),
			EINVAL, refused[i].words);
		assert_null(value);
	}
}

/* `depth` brackets and as many closing ones. */
static char *nested(size_t depth)
{
	char *text = malloc(2 * depth + 1);

	assert_non_null(text);
	memset(text, '[', depth);
	memset(text + depth, ']', depth);
	text[2 * depth] = '\0';
	return text;
}

static void bounds_the_depth(void **state)
{
	static const size_t too_deep[] = {OCFG_JSON_DEPTH + 1, 100000};
	cleanup_free char *deepest = nested(OCFG_JSON_DEPTH);
	cleanup_json json_object *value = json_of(deepest);

	(void)state;
	assert_prints(value, deepest);
	for (size_t i = 0; i < COUNT(too_deep); i++) {
		cleanup_free char *text = nested(too_deep[i]);
		json_object *none = NULL;

		assert_error(ocfg_json_parse(text, strlen(text), &none, &err), EINVAL,
			     "nested too deeply");
	}
}

static void gives_members_of_their_type(void **state)
{
	cleanup_json json_object *doc = json_of(
		"{\"o\":{},\"a\":[],\"s\":\"x\",\"b\":true,\"i\":-5,\"u\":18446744073709551615,"
		"\"d\":1.5,\"n\":null}");
	json_object *value = NULL;
	const char *text = "default";
	bool flag = false;
	int64_t number = 7;
	uint64_t natural = 7;

	(void)state;
	assert_ok(ocfg_json_get_object(doc, "o", &value, &err));
	assert_true(json_object_is_type(value, json_type_object));
	assert_ok(ocfg_json_get_array(doc, "a", &value, &err));
	assert_true(json_object_is_type(value, json_type_array));
	assert_ok(ocfg_json_get_array(doc, "n", &value, &err));
	assert_null(value);
	assert_ok(ocfg_json_get_object(NULL, "o", &value, &err));
	assert_null(value);
	assert_ok(ocfg_json_get_string(doc, "n", &text, &err));
	assert_ok(ocfg_json_get_string(doc, "absent", &text, &err));
	assert_string_equal(text, "default");
	assert_ok(ocfg_json_get_string(doc, "s", &text, &err));
	assert_string_equal(text, "x");
	assert_ok(ocfg_json_get_bool(doc, "b", &flag, &err));
	assert_true(flag);
	assert_ok(ocfg_json_get_int64(doc, "absent", &number, &err));
	assert_int_equal(number, 7);
	assert_ok(ocfg_json_get_int64(doc, "i", &number, &err));
	assert_int_equal(number, -5);
	assert_ok(ocfg_json_get_uint64(doc, "u", &natural, &err));
	assert_true(natural == UINT64_MAX);
	assert_error(ocfg_json_get_uint64(doc, "i", &natural, &err), EINVAL, "i: negative");
	assert_error(ocfg_json_get_int64(doc, "u", &number, &err), EINVAL, "u: too large");
	assert_error(ocfg_json_get_int64(doc, "d", &number, &err), EINVAL,
		     "d: double instead of int");
	assert_error(ocfg_json_get_object(doc, "a", &value, &err), EINVAL,
		     "a: array instead of object");
	assert_error(ocfg_json_get_array(doc, "s", &value, &err), EINVAL,
		     "s: string instead of array");
	assert_error(ocfg_json_get_string(doc, "b", &text, &err), EINVAL,
		     "b: boolean instead of string");
	assert_error(ocfg_json_get_bool(doc, "i", &flag, &err), EINVAL,
		     "i: int instead of boolean");
	assert_string_equal(text, "x");
	assert_int_equal(number, -5);
}

static void reports_values_that_could_not_be_made(void **state)
{
	cleanup_json json_object *object = json_of("{}");
	cleanup_json json_object *array = json_of("[]");

	(void)state;
	assert_error(ocfg_json_add(object, "key", NULL, &err), ENOMEM, "key");
	assert_error(ocfg_json_append(array, NULL, &err), ENOMEM, "append");
	assert_prints(object, "{}");
	assert_prints(array, "[]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_it_reads),
		cmocka_unit_test(takes_spaces_and_escapes),
		cmocka_unit_test(is_bounded_by_length_not_by_nul),
		cmocka_unit_test(refuses_what_is_no_json_or_would_not_survive),
		cmocka_unit_test(bounds_the_depth),
		cmocka_unit_test(gives_members_of_their_type),
		cmocka_unit_test(reports_values_that_could_not_be_made),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
