/* SPDX-License-Identifier: Apache-2.0 */
/* The modes: ways to make a container's memory mergeable. */
#ifndef OCI_CONFIG_MODE_H
#define OCI_CONFIG_MODE_H

#include <stddef.h>

#include "oci-config/error.h"

/* A set of modes is an unsigned with these bits; 0 is "off". */
enum ocfg_mode {
	OCFG_MODE_PRELOAD = 1 << 0,
	OCFG_MODE_NOTIFY = 1 << 1,
	OCFG_MODE_PROCESS = 1 << 2,
	OCFG_MODE_AUTO = 1 << 3, /* only in wishes: policy replaces it */
};

/*
 * "preload", "notify", "process", "auto", "off", or a list with commas. -EINVAL names the bad word.
 */
int ocfg_mode_parse(const char *text, unsigned *ret, struct error *err);
/* The list as text ("off" for 0), into buf; returns buf. 64 bytes are enough. */
const char *ocfg_mode_format(unsigned modes, char *buf, size_t size);

#endif
