/* SPDX-License-Identifier: Apache-2.0 */
/* Notes: things worth one log line each that are no errors. */
#include <stdarg.h>
#include <stdio.h>

#include "oci-config/notes.h"

void ocfg_notes_add(struct ocfg_notes *notes, const char *fmt, ...)
{
	va_list ap;

	if (notes->count < OCFG_NOTES_MAX) {
		va_start(ap, fmt);
		vsnprintf(notes->text[notes->count], OCFG_NOTE_SIZE, fmt, ap);
		va_end(ap);
	}
	notes->count++;
}
