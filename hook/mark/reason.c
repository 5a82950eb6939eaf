/* SPDX-License-Identifier: Apache-2.0 */
/* Why processes are left alone. */
#include <errno.h>

#include "hook/mark/mark.h"
#include "hook/mark/one.h"

const char *mark_reason_text(enum mark_reason reason)
{
	static const char *const texts[] = {
		[MARK_TRACED] = "traced by another program, or stopped",
		[MARK_32BIT] = "code of another architecture (32-bit)",
		[MARK_NOT_ALLOWED] = "not ours to change",
		[MARK_FILTERED] = "seccomp filters that we cannot pass",
		[MARK_STUCK] = "did not stop in time, or its memory cannot be read",
		[MARK_REFUSED] =
			"refused by the kernel or a seccomp filter, or too much address space",
	};

	return texts[reason];
}

enum mark_reason one_reason(int rc)
{
	switch (rc) {
	case -EBUSY:
		return MARK_TRACED;
	case -EOPNOTSUPP:
		return MARK_32BIT;
	case -EPERM:
		return MARK_NOT_ALLOWED;
	case -EACCES:
		return MARK_FILTERED;
	case -EAGAIN:
		return MARK_STUCK;
	default:
		return MARK_REFUSED;
	}
}
