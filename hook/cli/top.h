/* SPDX-License-Identifier: Apache-2.0 */
/* oci-ksm top: what its parts share. */
#ifndef HOOK_CLI_TOP_H
#define HOOK_CLI_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "hook/cli/figures.h"
#include "hook/cli/host.h"
#include "hook/cli/table.h"
#include "hook/cli/trends.h"
#include "oci-config/error.h"

struct top {
	struct table_options table;
	double delay; /* seconds between two looks */
	enum figures_key key;
	bool reverse, batch, help;
	long looks;	      /* so many, then end; 0: for ever */
	char *const *targets; /* as asked for; none: all */
	size_t target_count;
	char **ids; /* of what they stood for at the first look */
	size_t id_count;
	/* The last look. */
	struct figures *figures;
	size_t count;
	struct figures total;
	struct host_ksm host, before;
	struct trends trends;
};

/* Writes the last look, as text or JSON; or, live, the help. *heading: the line of the table's headings. */
int top_write(struct top *top, FILE *out, int *heading, struct error *err);
/* On the whole screen of the terminal. */
int top_draw(struct top *top, struct error *err);

/* "saved", ...; -EINVAL. Its key in the live display: 's', ...; false: none. */
int top_key_parse(const char *name, enum figures_key *ret, struct error *err);
bool top_key_press(int character, enum figures_key *ret);

#endif
