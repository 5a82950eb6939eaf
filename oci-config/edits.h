/* SPDX-License-Identifier: Apache-2.0 */
/* The list, kept in a document itself, of what was added to it. Private to oci-config. */
#ifndef OCI_CONFIG_EDITS_H
#define OCI_CONFIG_EDITS_H

#include <stdbool.h>

#include "oci-config/error.h"
#include "oci-config/spec.h"

/*
 * The member at the top of an edited document: an array of strings, one an edit. It is what lets
 * undo give the original back where the document alone does not tell: whether an empty "mounts" had
 * been there, or a hook of ours that the engine itself had put in. Runtimes ignore it
 * (runtime-spec, "Extensibility": unknown properties must not be an error). It goes with the last
 * edit. An engine that parses the document and writes it anew, as podman does with what a precreate
 * hook gives it, drops it: then nothing can be undone, and applying again changes nothing.
 */
#define OCFG_EDITS_MEMBER "oci-ksm-edits"

/* A buffer for an edit's name. */
#define OCFG_EDIT_SIZE 128

bool ocfg_edits_has(const struct ocfg_spec *spec, const char *edit);
int ocfg_edits_add(struct ocfg_spec *spec, const char *edit, struct error *err);
int ocfg_edits_remove(struct ocfg_spec *spec, const char *edit, struct error *err);

/* The last edit that begins with `prefix`, or NULL. Borrowed. */
const char *ocfg_edits_last(const struct ocfg_spec *spec, const char *prefix);

/*
 * A member of `parent` that is a container (json_type_array or json_type_object), in *ret; made,
 * and noted as "<path> made" or "<path> was null", where there is none.
 */
int ocfg_edits_make(struct ocfg_spec *spec, json_object *parent, const char *key, const char *path,
		    json_type type, json_object **ret, struct error *err);
/* Takes the member away again if it is empty and was made by ocfg_edits_make. */
int ocfg_edits_unmake(struct ocfg_spec *spec, json_object *parent, const char *key,
		      const char *path, struct error *err);

#endif
