/* SPDX-License-Identifier: Apache-2.0 */
/* Programs without address space randomization (ADDR_NO_RANDOMIZE): their copies have more equal pages. */
#include "hook/common/layout.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/personality.h>

#include "hook/common/proc.h"

#define ASK 0xffffffffUL

int layout_share(bool on, struct error *err)
{
	int now = personality(ASK);
	unsigned long wanted;

	if (now < 0)
		return error_set(err, errno, "personality");
	wanted = (unsigned long)now & ~(unsigned long)ADDR_NO_RANDOMIZE;
	wanted |= on ? ADDR_NO_RANDOMIZE : 0;
	if (personality(wanted) < 0)
		return error_set(err, errno, "personality");
	return 0;
}

int layout_is_shared(pid_t pid)
{
	char text[32];
	ssize_t len = proc_read(pid, "personality", text, sizeof(text), NULL);

	if (len < 0)
		return (int)len;
	return (strtoul(text, NULL, 16) & ADDR_NO_RANDOMIZE) != 0;
}
