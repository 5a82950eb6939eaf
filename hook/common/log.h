/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of the host's programs: one line an event, where an operator finds it though engines drop
 * stderr.
 */
#ifndef HOOK_COMMON_LOG_H
#define HOOK_COMMON_LOG_H

#include "oci-config/error.h"
#include "oci-config/notes.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/*
 * sink: "auto" (syslog's socket if somebody listens there, else /var/log/oci-ksm.log, or
 * $XDG_RUNTIME_DIR/oci-ksm/log for other users than root), "syslog", "stderr", "file:/path"; NULL
 * is "auto". Opens lazily at the first line, and again when the file was rotated or syslog restarted; while it
 * cannot be opened, lines are lost silently (log_check).
 * `program` and `container` ("" if none) stand in every line.
 */
void log_init(const char *program, const char *sink);
void log_container(const char *id);

/* Before the first line: would lines find their way to that sink now? Otherwise err says what cannot be opened. Makes no file. */
int log_check(const char *sink, struct error *err);

/*
 * One line: "program[pid]: container ID: level: message". Control characters of the ID and of the
 * message are escaped.
 */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "what: err->msg" as a line; the notes as a warning line each. */
void log_error(const struct error *err, const char *what);
void log_notes(const struct ocfg_notes *notes);

#endif
