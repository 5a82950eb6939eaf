/* SPDX-License-Identifier: Apache-2.0 */
/* How the edits of linux.seccomp are listed (oci-config/edits.h). Private to oci-config. */
#ifndef OCI_CONFIG_SECCOMP_EDITS_H
#define OCI_CONFIG_SECCOMP_EDITS_H

#define LINUX	 "linux"
#define SECCOMP	 "linux.seccomp"
#define SYSCALLS "linux.seccomp.syscalls"
#define FLAGS	 "linux.seccomp.flags"
#define PATH	 "listenerPath"
#define METADATA "listenerMetadata"

/*
 * Each is undone by what it says, the last one first. RULE, AT: places in syscalls and in names.
 */
#define EDIT_NEW   "seccomp new "   /* KEY: a member that was not there */
#define EDIT_NULL  "seccomp null "  /* KEY: a member that was null */
#define EDIT_FLAG  "seccomp flag "  /* FLAG, one of flags */
#define EDIT_NAME  "seccomp name "  /* RULE AT NAME: taken out of a rule's names */
#define EDIT_RULE  "seccomp rule "  /* RULE TEXT: a rule that was left without names */
#define EDIT_ADDED "seccomp added " /* TEXT: a rule of ours */

#endif
