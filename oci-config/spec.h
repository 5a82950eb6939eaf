/* SPDX-License-Identifier: Apache-2.0 */
/* An OCI runtime-spec document: config.json of a bundle, or the process.json of an exec. */
#ifndef OCI_CONFIG_SPEC_H
#define OCI_CONFIG_SPEC_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "oci-config/error.h"

enum ocfg_spec_kind {
	OCFG_SPEC_CONFIG,  /* config.json: process, root, mounts, hooks, annotations, linux */
	OCFG_SPEC_PROCESS, /* process.json: what config.json has under "process" */
};

/*
 * Owns `doc`. All members that the accessors below and the editors touch have been checked for
 * their type.
 */
struct ocfg_spec {
	enum ocfg_spec_kind kind;
	json_object *doc;
};

/*
 * Parses and checks a document; ocfg_spec_done frees it. -EINVAL with the member's name for a wrong
 * type (members that nobody here reads are not looked at and survive as they are).
 */
int ocfg_spec_parse(const char *text, size_t len, enum ocfg_spec_kind kind, struct ocfg_spec *ret,
		    struct error *err);
int ocfg_spec_load(int dirfd, const char *path, enum ocfg_spec_kind kind, struct ocfg_spec *ret,
		   struct error *err);
/* Replaces the file atomically, owner and mode kept (ocfg_file_replace). */
int ocfg_spec_save(struct ocfg_spec *spec, int dirfd, const char *path, struct error *err);
void ocfg_spec_done(struct ocfg_spec *spec);

/* The "process" object (the document itself for OCFG_SPEC_PROCESS), or NULL. Borrowed. */
json_object *ocfg_spec_process(const struct ocfg_spec *spec);
/* root.path, relative to the bundle if not absolute, or NULL. */
const char *ocfg_spec_root_path(const struct ocfg_spec *spec);
/* An annotation's value or NULL. */
const char *ocfg_spec_annotation(const struct ocfg_spec *spec, const char *key);
/*
 * Is this container the pause container of a pod (io.kubernetes.cri.container-type,
 * ...cri-o.ContainerType; podman's infra container)?
 */
bool ocfg_spec_is_sandbox(const struct ocfg_spec *spec);

#endif
