/* SPDX-License-Identifier: Apache-2.0 */
/* Does it pay to merge a container? Figures in, a decision out; no kernel, no clock, no files. */
#ifndef HOOK_NOTIFY_STEWARD_PROFIT_RULE_H
#define HOOK_NOTIFY_STEWARD_PROFIT_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hook/common/ksm.h"
#include "oci-config/settings.h"

/* Fewer pages than these cost nothing that is worth a decision. */
#define PROFIT_PAGES_MIN 256

/* Sums over a container's processes; KSM_UNKNOWN if the kernel does not tell. */
struct profit_figures {
	size_t processes;	    /* that figures are known of */
	int64_t rmap_items;	    /* pages that ksmd keeps books of */
	int64_t merging_pages;	    /* of these, merged */
	int64_t zero_pages, profit; /* pages, bytes */
};

enum profit_answer { PROFIT_UNKNOWN, PROFIT_PAYS, PROFIT_LOSES };

struct profit_now {
	enum profit_answer answer;
	uint64_t scans; /* whole scans of ksmd since boot */
	uint64_t time;	/* Unix seconds */
};

/* What is kept of a container. */
struct profit_before {
	bool merging;
	uint64_t scans;	   /* when it was seen first or tried again, or when it last paid */
	uint64_t retry_at; /* Unix seconds, if it is not merging */
};

enum profit_decision {
	PROFIT_KEEP,	/* as it is */
	PROFIT_DISABLE, /* it has not paid in so many whole scans */
	PROFIT_RETRY,	/* its pause is over */
};

/* Adds a process; one whose figures are not known is left out. */
void profit_add(struct profit_figures *sum, const struct ksm_process *process);
/* The kernel's rule: 64 bytes of books a page; it loses if these are more than what merging saves. */
enum profit_answer profit_judge(const struct profit_figures *figures, int64_t page_size);
/* A pause ends as it was said, even if the guard is off by then. */
enum profit_decision profit_decide(const struct ocfg_profit_guard *settings,
				   const struct profit_now *now,
				   const struct profit_before *before);
/* Seconds of the next pause, after one of `last` seconds (0: there was none, or it has paid since). */
uint64_t profit_pause(const struct ocfg_profit_guard *settings, uint64_t last);
/* "51200 pages watched (3.1 MiB of books), 12 of them merged (48 KiB)" */
const char *profit_text(const struct profit_figures *figures, int64_t page_size, char *buf,
			size_t size);

#endif
