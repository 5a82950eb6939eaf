/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stdin of a hook: read to its end whatever comes, because crun fails if it cannot write its state
 * (EPIPE).
 */
#ifndef HOOK_STAGES_INPUT_H
#define HOOK_STAGES_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "oci-config/state.h"

struct input {
	char *text; /* NULL or owned; input_done frees */
	size_t len;
	bool whole; /* false: there is more than `max`, or than memory for it */
};

/* Reads stdin up to `max` bytes. */
void input_read(size_t max, struct input *ret);
/* Reads the rest and throws it away. */
void input_drain(const struct input *input);
/* Writes to stdout what was read, and then the rest of stdin, byte for byte. */
int input_echo(const struct input *input);
void input_done(struct input *input);

/* The container's state from stdin, which is then at its end. */
int input_state(struct ocfg_oci_state *ret, struct error *err);

#endif
