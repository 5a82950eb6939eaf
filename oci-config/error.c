/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: a caller-owned object on the stack that says what failed, on what, and why. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "oci-config/error.h"

/* What they are for the analyzer elsewhere. */
#undef error_set
#undef error_wrap

/* Cuts off what there is no room for: the beginning of a message tells more than its end. */
static void append(char *buf, size_t size, const char *text)
{
	size_t len = strlen(buf), more = strnlen(text, size - 1 - len);

	memcpy(buf + len, text, more);
	buf[len + more] = '\0';
}

int error_set(struct error *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -code;
	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	if (code != 0 && code != EINVAL && code != EPROTO) {
		append(err->msg, sizeof(err->msg), ": ");
		append(err->msg, sizeof(err->msg), strerror(code));
	}
	return -code;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
	char msg[ERROR_SIZE];
	va_list ap;

	if (!err)
		return -EIO;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	append(msg, sizeof(msg), ": ");
	append(msg, sizeof(msg), err->msg);
	memcpy(err->msg, msg, sizeof(msg));
	return -err->code;
}
