/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan: the edits that a decision means for a document; to do, to repeat without change, to undo.
 */
#ifndef OCI_CONFIG_PLAN_H
#define OCI_CONFIG_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "oci-config/error.h"
#include "oci-config/seccomp.h"
#include "oci-config/spec.h"

/* The shim's folder in the container, in a tmpfs of the container's own: no trace in the image. */
#define OCFG_PLAN_NAME "oci-ksm"
/*
 * Below the shim's folder. ld.so replaces $LIB by its own library folder; musl does not, and finds
 * a folder of that name. The folder above it is named for AddressSanitizer, which refuses to start
 * a program unless the path of the first library has "libasan.so" in it (see shim/build.mk).
 */
#define OCFG_PLAN_SHIM		"not-libasan.so/$LIB/libksm_preload.so"
#define OCFG_PLAN_LD_SO_PRELOAD "/etc/ld.so.preload"

/* Borrowed strings; NULL: that edit is not made. */
struct ocfg_plan {
	const char *shim_source; /* host folder with the shim, bind mounted at shim_target */
	const char *shim_target; /* "/dev/oci-ksm": see ocfg_plan_target */
	const char *ld_so_preload_source; /* host file bind mounted at /etc/ld.so.preload */
	const char *poststop_hook; /* oci-ksm-hook, added as poststop to take the traces away */
	const char *hook_env;	   /* "OCI_KSM_SETTINGS=..." for that hook, or NULL */
	size_t min_size;	   /* OCI_KSM_MIN_SIZE for the shim; 0: not set */
	const struct ocfg_seccomp_edit *notify; /* of linux.seccomp */
};

/*
 * Where in the container the shim's folder can be without leaving a trace: "/dev/oci-ksm", else
 * below /run, else below /tmp, the first of them that is a tmpfs of the container's own. NULL if
 * there is none. A constant string.
 */
const char *ocfg_plan_target(const struct ocfg_spec *spec);

/*
 * Makes the edits: LD_PRELOAD appended (and OCI_KSM_MIN_SIZE, unless the container has one),
 * mounts, hook, seccomp profile. For a process.json only the environment. What is there already is left alone, so
 * applying again changes nothing. What was added is listed in the document's member "oci-ksm-edits"
 * (see oci-config/edits.h). On an error the document may be half edited: don't save it.
 */
int ocfg_plan_apply(const struct ocfg_plan *plan, struct ocfg_spec *spec, struct error *err);
/* Has ocfg_plan_apply edited this document, and ocfg_plan_undo not taken everything back? */
bool ocfg_plan_is_applied(const struct ocfg_spec *spec);
/*
 * Takes away what ocfg_plan_apply with this plan added and listed: the result is the original, byte
 * for byte when printed. A document without that list is left as it is. plan->notify does not matter:
 * the list says what became of the seccomp profile.
 */
int ocfg_plan_undo(const struct ocfg_plan *plan, struct ocfg_spec *spec, struct error *err);

#endif
