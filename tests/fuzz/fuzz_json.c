/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON: what is read is printed as it was written but for white space and escapes, and can be read
 * again.
 */
#include "tests/fuzz/fuzz.h"

static int is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The text without the white space between tokens; the text has no escapes. */
static char *minify(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *to = text;
	int in_string = 0;

	must(text);
	for (size_t i = 0; i < size; i++) {
		if (!in_string && is_space(data[i]))
			continue;
		if (data[i] == '"')
			in_string = !in_string;
		*to++ = (char)data[i];
	}
	*to = '\0';
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_json json_object *value = NULL;
	cleanup_json json_object *again = NULL;
	cleanup_free char *printed = NULL;
	cleanup_free char *reprinted = NULL;
	struct error err = {0};

	if (must_explain(ocfg_json_parse((const char *)data, size, &value, &err), &err) < 0) {
		must(!value);
		return 0;
	}
	printed = text_of(value);
	must(ocfg_json_parse(printed, strlen(printed), &again, &err) == 0);
	must(json_object_equal(value, again));
	reprinted = text_of(again);
	must(strcmp(printed, reprinted) == 0);
	if (!memchr(data, '\\', size)) {
		cleanup_free char *written = minify(data, size);

		must(strcmp(printed, written) == 0);
	}
	return 0;
}
