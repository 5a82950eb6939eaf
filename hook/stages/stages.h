/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stages of oci-ksm-hook. Each reads stdin, logs what is to be said and returns the exit
 * status.
 */
#ifndef HOOK_STAGES_STAGES_H
#define HOOK_STAGES_STAGES_H

#define STAGES_PROGRAM "oci-ksm-hook"

/*
 * prestart, createRuntime: state on stdin, the container's mount namespace is there, its program
 * not yet.
 */
int stage_prestart(void);
/* precreate (podman): config.json on stdin, edited on stdout. */
int stage_precreate(void);
/* poststop: state on stdin, the container is gone. */
int stage_poststop(void);

#endif
