/* SPDX-License-Identifier: Apache-2.0 */
/* linux.seccomp of config.json. */
#ifndef OCI_CONFIG_SECCOMP_H
#define OCI_CONFIG_SECCOMP_H

#include <stdbool.h>

#include "oci-config/notify.h"
#include "oci-config/spec.h"

/*
 * Can every program of the container make this system call, whatever its arguments, and live? It may
 * fail (SCMP_ACT_ERRNO), but must not be killed, trapped or held up.
 */
bool ocfg_seccomp_spares(const struct ocfg_spec *spec, const char *syscall);

/*
 * Does the profile judge calls of this program's own architecture by its rules? Runtimes add their own to those that it names, but
 * a profile that names others only is not trusted. True without a profile.
 */
bool ocfg_seccomp_is_native(const struct ocfg_spec *spec);
/* Has it a profile at all? */
bool ocfg_seccomp_is_there(const struct ocfg_spec *spec);

/* The edit: what is notified, and to whom. Strings are borrowed. */
struct ocfg_seccomp_edit {
	struct ocfg_notify notify;
	const char *socket; /* listenerPath: host path of the helper's socket */
	bool wait_killable; /* SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: kernel and runtime have it */
	/*
	 * The runtime knows SECCOMP_FILTER_FLAG_SPEC_ALLOW. It is what crun and runc set where a profile
	 * has no flags, so it has to be said once there is another.
	 */
	bool spec_allow;
};

/*
 * Can this profile (or none) be edited so that every call that is not notified has the same answer as
 * before, and the helper's own calls (madvise, prctl) kill nobody? -EINVAL and the reason otherwise: another
 * listener, conditions that cannot be expressed together, mmap is not allowed anyway, ...
 */
int ocfg_seccomp_can_notify(const struct ocfg_spec *spec, const struct ocfg_seccomp_edit *edit,
			    struct error *err);
/* Makes the edit and lists it (oci-config/edits.h). What is there already is left alone. */
int ocfg_seccomp_add_notify(struct ocfg_spec *spec, const struct ocfg_seccomp_edit *edit,
			    struct error *err);
/* Takes it back, byte for byte; nothing where it is not listed. */
int ocfg_seccomp_remove_notify(struct ocfg_spec *spec, struct error *err);
/* Has this document been edited for the listener at `socket`? Also when the list of edits was lost. */
bool ocfg_seccomp_has_notify(const struct ocfg_spec *spec, const char *socket);

#endif
