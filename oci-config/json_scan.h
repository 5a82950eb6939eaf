/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar check that runs before json-c sees a text. Private to oci-config. */
#ifndef OCI_CONFIG_JSON_SCAN_H
#define OCI_CONFIG_JSON_SCAN_H

#include <stddef.h>

#include "oci-config/error.h"

/*
 * Is `text` exactly one JSON value (RFC 8259, UTF-8, at most OCFG_JSON_DEPTH levels) that json-c
 * keeps as it is? *ret_members is how many members its objects have together: json-c silently drops
 * all but the last of two with the same name, which the caller finds by counting. Returns 0 or
 * -EINVAL with line and column.
 */
int ocfg_json_scan(const char *text, size_t len, size_t *ret_members, struct error *err);

#endif
