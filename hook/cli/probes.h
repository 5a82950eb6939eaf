/* SPDX-License-Identifier: Apache-2.0 */
/* What `doctor` looks at: one question each, answered by trying. */
#ifndef HOOK_CLI_PROBES_H
#define HOOK_CLI_PROBES_H

#include <stddef.h>

#include "oci-config/settings.h"

enum verdict {
	PROBE_OK,
	PROBE_WARN, /* merging works, but less well than it could */
	PROBE_FAIL, /* merging does not work */
	PROBE_SKIP, /* the question does not arise here */
};

#define PROBE_DETAIL 512

struct probe_context {
	struct ocfg_settings settings;
	unsigned found; /* enum probe */
	char *advice;	/* PROBE_DETAIL bytes: see probe_advise */
};

struct doctor_probe {
	const char *id; /* in the JSON, an interface */
	const char *question;
	/* Writes what was found into `detail`: a few words, always. */
	enum verdict (*check)(const struct probe_context *context, char detail[PROBE_DETAIL]);
	/* For warn and fail: what to do. Commands stand between backquotes, to be copied as they are. */
	const char *remedy;
};

/*
 * In the order in which they are asked: the kernel's (probes_kernel.c), ksmd's (probes_ksmd.c), the kernel's features one by
 * one (probes_features.c), the installation's (probes_install.c), the seccomp-notify helper's (probes_notify.c).
 */
extern const struct doctor_probe probes_kernel[], probes_ksmd[], probes_features[],
	probes_install[], probes_notify[];
extern const size_t probes_kernel_count, probes_ksmd_count, probes_features_count,
	probes_install_count, probes_notify_count;

/* Writes `detail` and returns the verdict. */
enum verdict probe_say(enum verdict verdict, char detail[PROBE_DETAIL], const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* For a check that knows better what to do on this host: takes the place of its remedy. */
void probe_advise(const struct probe_context *context, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
