/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes as people write them: 65536, 64K, 2M. */
#include <errno.h>

#include "oci-config/annotations.h"

static int shift_of(char suffix)
{
	switch (suffix) {
	case '\0':
		return 0;
	case 'K':
	case 'k':
		return 10;
	case 'M':
	case 'm':
		return 20;
	case 'G':
	case 'g':
		return 30;
	default:
		return -1;
	}
}

int ocfg_size_parse(const char *text, size_t *ret, struct error *err)
{
	const char *at = text;
	size_t size = 0;
	int shift;

	for (; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(size, 10, &size) ||
		    __builtin_add_overflow(size, (size_t)(*at - '0'), &size))
			return error_set(err, ERANGE, "size \"%.32s\"", text);
	shift = shift_of(*at);
	if (at == text || shift < 0 || (*at != '\0' && at[1] != '\0'))
		return error_set(err, EINVAL,
				 "\"%.32s\" is no size (bytes, or with suffix K, M or G)", text);
	if (__builtin_mul_overflow(size, (size_t)1 << shift, &size))
		return error_set(err, ERANGE, "size \"%.32s\"", text);
	*ret = size;
	return 0;
}
