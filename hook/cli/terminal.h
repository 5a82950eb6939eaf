/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal that a program has for itself for a while, and gives back as it was, however the program ends. */
#ifndef HOOK_CLI_TERMINAL_H
#define HOOK_CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "oci-config/error.h"

/* Can stdout show a screen? No: it is no terminal, or one that knows no control sequences. */
bool terminal_is_there(void);

/*
 * Switches stdout to the alternate screen, and stdin, if it is a terminal, to single keys. From here on what would end or stop
 * this process gives the terminal back first; messages on stderr are dropped if that is a terminal.
 */
int terminal_begin(struct error *err);
void terminal_end(void);

/* Its size now; 24 by 80 if it does not say. */
void terminal_size(size_t *rows, size_t *columns);

/*
 * Waits for a key at most that long. Its character; 0: the time is over, or the screen is to be drawn again; -1: the terminal is
 * gone.
 */
int terminal_key(double seconds);

#endif
