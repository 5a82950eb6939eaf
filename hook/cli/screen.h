/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of text as a terminal's whole screen. */
#ifndef HOOK_CLI_SCREEN_H
#define HOOK_CLI_SCREEN_H

#include <stddef.h>
#include <stdio.h>

/*
 * Writes what draws the text on a terminal of that size, over whatever is there, without scrolling: lines are cut at its right
 * edge. Line `heading` (from 0; -1: none) is shown inverse. Lines that have no room are counted on the last one.
 * The text is printable ASCII.
 */
void screen_draw(FILE *out, const char *text, size_t rows, size_t columns, int heading);

#endif
