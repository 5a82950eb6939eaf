/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar check that runs before json-c sees a text. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "oci-config/json.h"
#include "oci-config/json_scan.h"

/*
 * json-c's strict mode takes '{'a':1}', NaN, "1." and raw control characters; it makes other
 * numbers of -0 and of integers beyond 64 bits, cuts names at \u0000 and replaces lone surrogates.
 * An edited document may differ from the original by our edit only, so all of these are refused
 * here.
 */
struct scan {
	const char *start, *at, *end;
	unsigned depth;
	size_t members;
	struct error *err;
};

static int scan_value(struct scan *s);

static int fail(const struct scan *s, const char *why)
{
	size_t line = 1, column = 1;

	for (const char *p = s->start; p < s->at; p++) {
		column++;
		if (*p == '\n') {
			line++;
			column = 1;
		}
	}
	return error_set(s->err, EINVAL, "line %zu, column %zu: %s", line, column, why);
}

/* The next byte, or -1 at the end. */
static int peek(const struct scan *s)
{
	return s->at < s->end ? (unsigned char)*s->at : -1;
}

static bool take(struct scan *s, int c)
{
	if (peek(s) != c)
		return false;
	s->at++;
	return true;
}

static int skip_space(struct scan *s)
{
	while (peek(s) == ' ' || peek(s) == '\t' || peek(s) == '\n' || peek(s) == '\r')
		s->at++;
	return peek(s);
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static size_t skip_digits(struct scan *s)
{
	const char *from = s->at;

	while (is_digit(peek(s)))
		s->at++;
	return (size_t)(s->at - from);
}

/*
 * json-c keeps integers in int64_t or uint64_t, so these bounds are where it keeps the text as it
 * is.
 */
static bool integer_fits(const char *digits, size_t count, bool negative)
{
	uint64_t value = 0, max = negative ? (uint64_t)INT64_MAX + 1 : UINT64_MAX;

	for (size_t i = 0; i < count; i++) {
		uint64_t digit = (uint64_t)(digits[i] - '0');

		if (value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	return !negative || value != 0;
}

static int scan_number(struct scan *s)
{
	bool negative = take(s, '-'), integer = true;
	const char *digits = s->at;
	size_t count = skip_digits(s);

	if (count == 0 || (count > 1 && *digits == '0'))
		return fail(s, "no valid number");
	if (take(s, '.')) {
		integer = false;
		if (skip_digits(s) == 0)
			return fail(s, "no digit after the decimal point");
	}
	if (take(s, 'e') || take(s, 'E')) {
		integer = false;
		if (!take(s, '+'))
			take(s, '-');
		if (skip_digits(s) == 0)
			return fail(s, "no digit in the exponent");
	}
	if (integer && !integer_fits(digits, count, negative))
		return fail(s, "an integer that 64 bits cannot hold as it is written");
	return 0;
}

/* Four hexadecimal digits, or -1. */
static int take_hex4(struct scan *s)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		int c = peek(s);

		if (is_digit(c))
			value = value * 16 + c - '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value * 16 + (c | 0x20) - 'a' + 10;
		else
			return -1;
		s->at++;
	}
	return value;
}

static int scan_escape(struct scan *s)
{
	int c = peek(s), low;

	if (c > 0 && strchr("\"\\/bfnrt", c)) {
		s->at++;
		return 0;
	}
	if (!take(s, 'u') || (c = take_hex4(s)) < 0)
		return fail(s, "no valid escape sequence");
	if (c == 0)
		return fail(s, "a NUL character in a string");
	if (c < 0xd800 || c > 0xdfff)
		return 0;
	if (c > 0xdbff || !take(s, '\\') || !take(s, 'u') || (low = take_hex4(s)) < 0xdc00 ||
	    low > 0xdfff)
		return fail(s, "half of a surrogate pair");
	return 0;
}

/* One multi-byte character (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
static int scan_utf8(struct scan *s)
{
	int first = peek(s), more, low = 0x80, high = 0xbf;

	if (first >= 0xc2 && first <= 0xdf)
		more = 1;
	else if (first >= 0xe0 && first <= 0xef)
		more = 2;
	else if (first >= 0xf0 && first <= 0xf4)
		more = 3;
	else
		return fail(s, "invalid UTF-8");
	if (first == 0xe0)
		low = 0xa0;
	else if (first == 0xed)
		high = 0x9f;
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f;
	s->at++;
	for (; more > 0; more--, low = 0x80, high = 0xbf) {
		if (peek(s) < low || peek(s) > high)
			return fail(s, "invalid UTF-8");
		s->at++;
	}
	return 0;
}

static int scan_string(struct scan *s)
{
	int rc = 0;

	if (!take(s, '"'))
		return fail(s, "a string should be here");
	while (rc == 0) {
		int c = peek(s);

		if (take(s, '"'))
			return 0;
		if (c < 0)
			return fail(s, "a string without end");
		if (c < 0x20)
			return fail(s, "a control character in a string");
		if (c >= 0x80) {
			rc = scan_utf8(s);
			continue;
		}
		s->at++;
		if (c == '\\')
			rc = scan_escape(s);
	}
	return rc;
}

static int scan_member(struct scan *s)
{
	int rc;

	skip_space(s);
	rc = scan_string(s);
	if (rc < 0)
		return rc;
	skip_space(s);
	if (!take(s, ':'))
		return fail(s, "a colon should be here");
	s->members++;
	return scan_value(s);
}

/* What stands between the brackets of an object or array; the first one has been taken. */
static int scan_items(struct scan *s, int close, int (*scan_item)(struct scan *s))
{
	if (++s->depth > OCFG_JSON_DEPTH)
		return fail(s, "nested too deeply");
	skip_space(s);
	if (!take(s, close)) {
		do {
			int rc = scan_item(s);

			if (rc < 0)
				return rc;
			skip_space(s);
		} while (take(s, ','));
		if (!take(s, close))
			return fail(s, "a comma or a closing bracket should be here");
	}
	s->depth--;
	return 0;
}

static int scan_word(struct scan *s, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
		return fail(s, "no JSON value");
	s->at += len;
	return 0;
}

static int scan_value(struct scan *s)
{
	int c = skip_space(s);

	if (c < 0)
		return fail(s, "a value is missing");
	switch (c) {
	case '{':
		s->at++;
		return scan_items(s, '}', scan_member);
	case '[':
		s->at++;
		return scan_items(s, ']', scan_value);
	case '"':
		return scan_string(s);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	default:
		if (c != '-' && !is_digit(c))
			return fail(s, "no JSON value");
		return scan_number(s);
	}
}

int ocfg_json_scan(const char *text, size_t len, size_t *ret_members, struct error *err)
{
	struct scan s = {.start = text, .at = text, .end = text + len, .err = err};
	int rc = scan_value(&s);

	if (rc < 0)
		return rc;
	if (skip_space(&s) >= 0)
		return fail(&s, "something follows the JSON value");
	*ret_members = s.members;
	return 0;
}
