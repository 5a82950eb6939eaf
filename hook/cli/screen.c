/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of text as a terminal's whole screen. */
#include "hook/cli/screen.h"

#include <stdbool.h>
#include <string.h>

#define HOME	  "\033[H"
#define INVERSE	  "\033[7m"
#define PLAIN	  "\033[m"
#define REST_LINE "\033[K" /* clears it */
#define REST	  "\033[J"

static size_t count_lines(const char *text)
{
	size_t lines = 0;

	for (const char *p = text; *p; p++)
		lines += *p == '\n' || !p[1];
	return lines;
}

void screen_draw(FILE *out, const char *text, size_t rows, size_t columns, int heading)
{
	size_t lines = count_lines(text), shown = lines <= rows ? lines : rows - 1;

	fputs(HOME, out);
	for (size_t i = 0; rows && i < shown; i++) {
		int len = (int)strcspn(text, "\n"), width = (int)columns;
		bool is_heading = (int)i == heading;

		/* A heading is one over the whole width. */
		fprintf(out, "%s%-*.*s%s" REST_LINE "%s", is_heading ? INVERSE : "",
			is_heading ? width : 0, len < width ? len : width, text,
			is_heading ? PLAIN : "", i + 1 < rows ? "\r\n" : "");
		text += len + (text[len] == '\n');
	}
	if (rows && shown < lines) {
		char more[64];

		snprintf(more, sizeof(more), "... and %zu more", lines - shown);
		fprintf(out, "%.*s" REST_LINE, (int)columns, more);
	}
	fputs(REST, out);
}
