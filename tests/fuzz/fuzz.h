/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets share: a violated invariant ends the run, with a word on what it was. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oci-config/cleanup.h"
#include "oci-config/error.h"
#include "oci-config/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(condition)                                                                           \
	do {                                                                                      \
		if (!(condition)) {                                                               \
			fprintf(stderr, "%s:%d: violated: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                  \
		}                                                                                 \
	} while (0)

/* Every failure is reported as -code with a message. */
static inline int must_explain(int rc, const struct error *err)
{
	must(rc <= 0);
	if (rc < 0)
		must(err->code == -rc && err->msg[0] != '\0');
	return rc;
}

/* The text of a document, to be freed. */
static inline char *text_of(json_object *doc)
{
	struct error err = {0};
	const char *text = NULL;
	size_t len = 0;
	char *copy;

	must(ocfg_json_print(doc, &text, &len, &err) == 0 && strlen(text) == len);
	copy = strdup(text);
	must(copy);
	return copy;
}

static inline char *string_of(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);

	must(copy);
	memcpy(copy, data, size);
	copy[size] = '\0';
	return copy;
}

#endif
