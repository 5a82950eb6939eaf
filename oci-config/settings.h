/* SPDX-License-Identifier: Apache-2.0 */
/* The administrator's settings: /etc/oci-ksm/oci-ksm.json. */
#ifndef OCI_CONFIG_SETTINGS_H
#define OCI_CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oci-config/error.h"
#include "oci-config/notes.h"
#include "oci-config/settings_ksm.h"

#define OCFG_SETTINGS_PATH     "/etc/oci-ksm/oci-ksm.json"
#define OCFG_SETTINGS_ENV      "OCI_KSM_SETTINGS"
#define OCFG_SETTINGS_RUNTIMES 16
#define OCFG_DOMAIN_SIZE       64 /* of a trust domain's name, its end included */

enum ocfg_enable {
	OCFG_ENABLE_ANNOTATED, /* "annotated", the default: containers that ask for it */
	OCFG_ENABLE_ALL,       /* "all": every container that does not say oci-ksm/mode=off */
	OCFG_ENABLE_NONE,      /* "none": nothing is touched, whatever containers ask for */
};

/* "profit_guard": oci-ksmd switches containers off whose merging does not pay, for a while. */
struct ocfg_profit_guard {
	bool enable;
	uint64_t scans; /* whole scans of ksmd before it is judged; 3 */
	uint64_t pause,
		pause_max; /* seconds before it is tried again: the first time; doubling up to */
};

/* Strings are owned; ocfg_settings_done frees them. NULL means: not set, the program's default. */
struct ocfg_settings {
	enum ocfg_enable enable;
	unsigned mode;	   /* mode of containers that opt in without naming one; OCFG_MODE_AUTO */
	size_t min_size;   /* bytes; 0: the shim's own default */
	char *preload_dir; /* host folder with the shim: <program>/../lib/oci-ksm/preload */
	char *state_dir;   /* /run/oci-ksm, or $XDG_RUNTIME_DIR/oci-ksm for other users than root */
	char *notify_socket;	       /* oci-ksmd's: notify.sock in state_dir */
	bool notify_brk;	       /* notify brk as well; false: see docs/architecture.md */
	char domain[OCFG_DOMAIN_SIZE]; /* trust domain of containers that name none; "" */
	bool domain_from_namespace; /* it is the Kubernetes namespace, whatever containers name */
	bool no_layout_shared;	    /* oci-ksm/layout=shared is refused */
	struct ocfg_profit_guard profit_guard;
	struct ocfg_ksm_settings ksm; /* the host's KSM: "ksm", "boost", "pressure" */
	char *log;		      /* "auto", "syslog", "stderr" or "file:/path" */
	char *runtimes[OCFG_SETTINGS_RUNTIMES +
		       1]; /* names or paths of real runtimes, NULL terminated; crun, runc */
};

/* The defaults, for when there is no settings file. */
int ocfg_settings_init(struct ocfg_settings *ret, struct error *err);
/*
 * Parses the text of a settings file. Unknown members and values are noted and their default is
 * taken; only what is no JSON object at all is an error.
 */
int ocfg_settings_parse(const char *text, size_t len, struct ocfg_settings *ret,
			struct ocfg_notes *notes, struct error *err);
/*
 * Loads `path`; NULL: $OCI_KSM_SETTINGS, else OCFG_SETTINGS_PATH. A file that is missing gives the
 * defaults. On an error *ret holds the defaults all the same, so that the caller can log and go on.
 */
int ocfg_settings_load(const char *path, struct ocfg_settings *ret, struct ocfg_notes *notes,
		       struct error *err);
void ocfg_settings_done(struct ocfg_settings *settings);
/* The name of a trust domain: 1 to 63 of [A-Za-z0-9._-]. Into buf, which is left alone on -EINVAL. */
int ocfg_domain_parse(const char *text, char buf[OCFG_DOMAIN_SIZE], struct error *err);
/* "auto", "syslog", "stderr" or "file:/path" (hook/common/log.h)? */
bool ocfg_log_is_valid(const char *sink);

#endif
