/* SPDX-License-Identifier: Apache-2.0 */
/* What containers say (names, annotations, errors about them) on its way to logs and terminals. */
#ifndef HOOK_COMMON_ESCAPE_H
#define HOOK_COMMON_ESCAPE_H

#include <stddef.h>

/* Room for `size` bytes of text, with their end, whatever they are. */
#define ESCAPED_SIZE(size) (4 * (size) + 1)

/*
 * Copies text with everything that is not printable ASCII as \xNN, so that it can neither forge
 * lines nor steer a terminal. What does not fit is cut off. Returns buf.
 */
char *escape(const char *text, char *buf, size_t size);

#endif
