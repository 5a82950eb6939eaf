/* SPDX-License-Identifier: Apache-2.0 */
/* What containers say (names, annotations, errors about them) on its way to logs and terminals. */
#include "hook/common/escape.h"

char *escape(const char *text, char *buf, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;

	for (; *text && n + 5 <= size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= ' ' && c < 0x7f) {
			buf[n++] = (char)c;
		} else {
			buf[n++] = '\\';
			buf[n++] = 'x';
			buf[n++] = digits[c >> 4];
			buf[n++] = digits[c & 15];
		}
	}
	buf[n] = '\0';
	return buf;
}
