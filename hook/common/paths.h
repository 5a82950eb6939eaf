/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things are on the host: the settings say, else the defaults of an installation (or of the
 * build tree).
 */
#ifndef HOOK_COMMON_PATHS_H
#define HOOK_COMMON_PATHS_H

#include <stddef.h>

#include "oci-config/error.h"
#include "oci-config/settings.h"

/*
 * The host folder with the shim, as absolute path in buf: settings' preload_dir, else <folder of
 * this program>/../lib/oci-ksm/ preload (so both PREFIX and the build tree work as they are).
 * -ENOENT if no shim is in it.
 */
int paths_preload_dir(const struct ocfg_settings *settings, char *buf, size_t size,
		      struct error *err);
/* A program of ours, beside the running one ("oci-ksm-hook"). */
int paths_sibling(const char *name, char *buf, size_t size, struct error *err);
/* Where the folder of state is, whether or not it exists: see paths_state_dir. */
int paths_state_path(const struct ocfg_settings *settings, char *buf, size_t size,
		     struct error *err);
/*
 * The folder of state, opened (O_PATH not set, O_DIRECTORY|O_CLOEXEC), created with mode 0700 if
 * missing: settings' state_dir, else /run/oci-ksm for the user who owns /run,
 * $XDG_RUNTIME_DIR/oci-ksm (/run/user/UID/oci-ksm) for others. Refused if somebody else owns it or
 * may write to it. name: "" for the folder itself, "containers" for the records or "merged" for the
 * files made for one container. Returns the fd.
 */
int paths_state_dir(const struct ocfg_settings *settings, const char *name, struct error *err);
/* The path of an open file or folder, as this mount namespace has it. */
int paths_of_fd(int fd, char *buf, size_t size, struct error *err);
/*
 * The log file where there is no syslog: /var/log/oci-ksm.log, or "log" in the folder of state of
 * other users than root.
 */
int paths_log_file(char *buf, size_t size);

#endif
