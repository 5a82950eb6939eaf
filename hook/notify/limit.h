/* SPDX-License-Identifier: Apache-2.0 */
/* How often something may happen: `burst` times at once, then once in `every` ms. */
#ifndef HOOK_NOTIFY_LIMIT_H
#define HOOK_NOTIFY_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct limit {
	unsigned burst, every;
	unsigned used;
	unsigned refused; /* since it was allowed the last time */
	int64_t since;	  /* when `used` was true */
};

/* May it happen now? Counts it if so; *ret_refused (may be NULL): how often it was refused before. */
static inline bool limit_allows(struct limit *limit, int64_t now, unsigned *ret_refused)
{
	int64_t back = (now - limit->since) / limit->every;

	if (back >= limit->used) {
		limit->used = 0;
		limit->since = now;
	} else if (back > 0) {
		limit->used -= (unsigned)back;
		limit->since += back * limit->every;
	}
	if (limit->used >= limit->burst) {
		limit->refused++;
		return false;
	}
	limit->used++;
	if (ret_refused)
		*ret_refused = limit->refused;
	limit->refused = 0;
	return true;
}

/* When it will be allowed again. */
static inline int64_t limit_next(const struct limit *limit)
{
	return limit->used < limit->burst ? limit->since : limit->since + limit->every;
}

#endif
