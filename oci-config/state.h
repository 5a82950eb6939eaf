/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of what we did, one small JSON file a container or run, below <state_dir>/containers; and
 * the OCI state document.
 */
#ifndef OCI_CONFIG_STATE_H
#define OCI_CONFIG_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci-config/error.h"

#define OCFG_ID_MAX 250 /* with ".json" it is a file name (NAME_MAX 255) */

/* The OCI state that runtimes give to hooks on stdin. Strings owned; ocfg_oci_state_done frees. */
struct ocfg_oci_state {
	char *id;
	char *bundle; /* absolute */
	char *root;   /* crun's extra member, or NULL */
	pid_t pid;    /* 0 if there is none */
};
int ocfg_oci_state_parse(const char *text, size_t len, struct ocfg_oci_state *ret,
			 struct error *err);
void ocfg_oci_state_done(struct ocfg_oci_state *state);

/* Is `id` usable as a file name of ours: 1..OCFG_ID_MAX of [A-Za-z0-9_+.-], not "." or ".."? */
bool ocfg_id_is_valid(const char *id);
/* The ID whose file, as above, is called `name`. False: it is none, such as a temporary one by way of which files are replaced. */
bool ocfg_id_of_file(const char *name, char ret[OCFG_ID_MAX + 1]);

/* One record. Strings owned; ocfg_record_done frees. NULL/0: not known. */
struct ocfg_record {
	char *id;
	char *source; /* "hook", "runtime" or "run": who made it */
	unsigned modes;
	char *reason;
	char *bundle;
	char *shim_target; /* where in the container the shim is, for exec sessions */
	size_t min_size;
	bool required;		     /* it would not have started without merging */
	pid_t pid;		     /* init's pid, or the run's */
	uint64_t start_time;	     /* of that pid, /proc/PID/stat field 22 */
	char *pid_file;		     /* where the runtime writes init's pid */
	pid_t starter;		     /* who starts it, as long as init is not known */
	uint64_t starter_start_time; /* of that pid */
	uint64_t starter_until;	     /* seconds after boot: so long that counts; 0: as it lives */
	char *domain;		     /* trust domain; NULL: none */
	bool layout_shared;	     /* oci-ksm/layout=shared */
	char *root;		     /* host path of the rootfs, if traces of ours are in it */
	bool made_ld_so_preload;     /* we created the empty mount point <root>/etc/ld.so.preload */
	uint64_t made_dev, made_ino; /* which file that was */
};

/*
 * dirfd: the folder of records (open, O_DIRECTORY). Save is atomic; load gives -ENOENT where there
 * is none; removing what is not there is no error.
 */
int ocfg_record_save(int dirfd, const struct ocfg_record *record, struct error *err);
int ocfg_record_load(int dirfd, const char *id, struct ocfg_record *ret, struct error *err);
int ocfg_record_remove(int dirfd, const char *id, struct error *err);
void ocfg_record_done(struct ocfg_record *record);

#endif
