/* SPDX-License-Identifier: Apache-2.0 */
/* What the seccomp-notify helper is told of: which system calls, and how it is to treat a container. */
#ifndef OCI_CONFIG_NOTIFY_H
#define OCI_CONFIG_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oci-config/error.h"

#define OCFG_NOTIFY_MIN_SIZE (64u << 10)

/*
 * How a container is to be treated. It travels as listenerMetadata from the editor of config.json to the
 * helper: "oci-ksm min-size=65536 regions sync brk".
 */
struct ocfg_notify {
	size_t min_size; /* bytes; regions below are neither notified nor marked */
	bool regions; /* mark regions even where the whole process could be (min-size was asked for) */
	bool sync;    /* mark before the program goes on */
	bool brk;     /* notify brk as well. Not by default: see docs/architecture.md */
};

/*
 * Strict: words with one space between them. NULL and "" are the defaults (who gave a container our
 * socket by hand need not say more); any other text is -EINVAL unless its first word is "oci-ksm" and
 * all others are known. min-size is rounded up to whole pages; 0 is the default.
 */
int ocfg_notify_parse(const char *metadata, struct ocfg_notify *ret, struct error *err);
/* 96 bytes are enough; returns buf. */
const char *ocfg_notify_format(const struct ocfg_notify *notify, char *buf, size_t size);

/* For a container that wishes this min-size; 0: none. */
struct ocfg_notify ocfg_notify_of(size_t min_size, bool brk);

/* A condition on an argument, as in runtime-spec and libseccomp. */
enum ocfg_notify_op { OCFG_NOTIFY_NE, OCFG_NOTIFY_GE, OCFG_NOTIFY_MASKED_EQ };
struct ocfg_notify_condition {
	unsigned index;
	enum ocfg_notify_op op;
	uint64_t value, value_two;
};
/* A call is notified if all its conditions hold. */
struct ocfg_notify_call {
	const char *name;
	size_t count;
	struct ocfg_notify_condition conditions[2];
};
#define OCFG_NOTIFY_CALLS 2
/*
 * The calls to be notified: mmap (MAP_ANONYMOUS, length >= min_size), and brk (address not 0) with brk or
 * sync. Returns how many.
 */
size_t ocfg_notify_calls(const struct ocfg_notify *notify,
			 struct ocfg_notify_call ret[OCFG_NOTIFY_CALLS]);

#endif
