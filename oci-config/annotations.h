/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container wishes: its oci-ksm/ annotations (or OCI_KSM_MODE in its environment) over the
 * settings.
 */
#ifndef OCI_CONFIG_ANNOTATIONS_H
#define OCI_CONFIG_ANNOTATIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "oci-config/error.h"
#include "oci-config/notes.h"
#include "oci-config/settings.h"
#include "oci-config/spec.h"

#define OCFG_ANNOTATION_PREFIX "oci-ksm/"
#define OCFG_MODE_ENV	       "OCI_KSM_MODE"

struct ocfg_wishes {
	unsigned modes;	    /* 0: not opted in, or off; else a set that may hold OCFG_MODE_AUTO */
	size_t min_size;    /* bytes; 0: default */
	bool required;	    /* fail instead of going on without merging */
	bool layout_shared; /* oci-ksm/layout=shared */
	char domain[64];    /* oci-ksm/domain, "" if none */
};

/*
 * Reads the wishes. `opted_in`: the caller was started in a way that opts in by itself (runtime
 * handler "ksm"). Unknown keys and bad values are noted and defaulted; with oci-ksm/required=true
 * they are an error (-EINVAL), and so is that nothing opts in. A pod's pause container never wishes
 * anything, and nobody does where the settings say "enable": "none".
 */
int ocfg_wishes_read(const struct ocfg_spec *spec, const struct ocfg_settings *settings,
		     bool opted_in, struct ocfg_wishes *ret, struct ocfg_notes *notes,
		     struct error *err);

/*
 * Bytes with an optional suffix K, M or G (powers of 1024). -EINVAL otherwise, -ERANGE when too
 * large.
 */
int ocfg_size_parse(const char *text, size_t *ret, struct error *err);

#endif
