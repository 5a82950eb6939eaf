/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: a caller-owned object on the stack that says what failed, on what, and why. */
#ifndef OCI_CONFIG_ERROR_H
#define OCI_CONFIG_ERROR_H

#define ERROR_SIZE 512

/*
 * Filled in by whatever fails, last parameter everywhere. Nothing is allocated and nothing needs to
 * be freed, so it works when memory is out. Start with { 0 }. `code` is a positive errno value.
 */
struct error {
	int code;
	char msg[ERROR_SIZE];
};

/*
 * Sets the message (printf style) and the code, a positive errno value whose text is appended after
 * ": " unless `code` is EINVAL, EPROTO or 0 (there the message itself says what is wrong). Returns
 * -code, so that callers write `return error_set(err, errno, "open %s", path);`. err may be NULL.
 */
int error_set(struct error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Puts "context: " before the message that is there. Returns -err->code. err may be NULL (then
 * -EIO).
 */
int error_wrap(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#ifdef __clang_analyzer__
/* The analyzer sees one file at a time: tell it that what returns these has failed. */
#include <errno.h>
#define error_set(...)	(error_set(__VA_ARGS__), -EIO)
#define error_wrap(...) (error_wrap(__VA_ARGS__), -EIO)
#endif

#endif
