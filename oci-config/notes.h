/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes: things worth one log line each that are no errors (unknown keys, values replaced by
 * defaults).
 */
#ifndef OCI_CONFIG_NOTES_H
#define OCI_CONFIG_NOTES_H

#define OCFG_NOTES_MAX 8
#define OCFG_NOTE_SIZE 192

/* Start with { 0 }. The library never logs; whoever called it logs these. */
struct ocfg_notes {
	unsigned count; /* how many there were; only the first OCFG_NOTES_MAX are kept */
	char text[OCFG_NOTES_MAX][OCFG_NOTE_SIZE];
};

void ocfg_notes_add(struct ocfg_notes *notes, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
