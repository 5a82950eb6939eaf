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
/* For engines without annotations: these have no effect beside the annotation of the same wish. */
#define OCFG_MODE_ENV	"OCI_KSM_MODE"
#define OCFG_DOMAIN_ENV "OCI_KSM_DOMAIN"
#define OCFG_LAYOUT_ENV "OCI_KSM_LAYOUT"
/* The pod's namespace: containerd's CRI and CRI-O set them after, and so over, those of pods. */
#define OCFG_NAMESPACE_CONTAINERD "io.kubernetes.cri.sandbox-namespace"
#define OCFG_NAMESPACE_CRIO	  "io.kubernetes.pod.namespace"

struct ocfg_wishes {
	unsigned modes;	    /* 0: not opted in, or off; else a set that may hold OCFG_MODE_AUTO */
	size_t min_size;    /* bytes; 0: default */
	bool required;	    /* fail instead of going on without merging */
	bool layout_shared; /* oci-ksm/layout=shared */
	char domain[OCFG_DOMAIN_SIZE]; /* trust domain, "" if none */
	bool domain_is_uncertain; /* it comes from the namespace, and there are two of these or it is no name for one */
};

/*
 * Reads the wishes. `opted_in`: the caller was started in a way that opts in by itself (runtime
 * handler "ksm"). Unknown keys and bad values are noted and defaulted; with oci-ksm/required=true
 * they are an error (-EINVAL), and so is that nothing opts in. A pod's pause container never wishes
 * anything, and nobody does where the settings say "enable": "none". Where the settings take the domain
 * from the namespace, one that the container names is a bad value unless it is the same.
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
