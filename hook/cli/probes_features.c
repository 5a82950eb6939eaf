/* SPDX-License-Identifier: Apache-2.0 */
/* What `doctor` says of each feature of the kernel that was tried (hook/common/probe), and what follows from it. */
#include <stdio.h>

#include "hook/cli/probes.h"
#include "hook/common/probe.h"

/* What this host has, or OCI_KSM_NO leaves of it; what is not there is either nothing to repair, or `missing` says how bad it is. */
static enum verdict tell(const struct probe_context *context, char *detail, enum probe feature,
			 enum verdict missing, const char *yes, const char *no)
{
	if (context->found & feature)
		return probe_say(PROBE_OK, detail, "yes: %s", yes);
	return probe_say(missing, detail, "no%s: %s",
			 probe_forbidden() & feature ? " (OCI_KSM_NO)" : "", no);
}

#define FEATURE(name, feature, missing, yes, no)                                            \
	static enum verdict check_##name(const struct probe_context *context, char *detail) \
	{                                                                                   \
		return tell(context, detail, feature, missing, yes, no);                    \
	}

FEATURE(madvise, PROBE_MADVISE, PROBE_FAIL, "madvise(MADV_MERGEABLE) works",
	"madvise(MADV_MERGEABLE) fails, so nothing can be merged")
FEATURE(prctl, PROBE_PRCTL, PROBE_OK, "prctl(PR_SET_MEMORY_MERGE)",
	"before Linux 6.4; memory is marked region by region")
FEATURE(exec_inherit, PROBE_EXEC_INHERIT, PROBE_OK, "what it executes is mergeable, too",
	"before Linux 6.10; the mode process cannot be had")
FEATURE(vma_merge, PROBE_VMA_MERGE, PROBE_OK, "programs have as few mappings as without it",
	"before Linux 6.17 programs would run out of mappings; the mode process cannot be had, and "
	"memory is marked region by region")
FEATURE(process_madvise, PROBE_PROCESS_MADVISE, PROBE_OK, "many regions with one call",
	"before Linux 6.13; one call for each region")
FEATURE(listener, PROBE_LISTENER, PROBE_WARN, "no other is in force here",
	"another is in force for all that is started here, so the mode notify cannot be had")
FEATURE(seccomp_notify, PROBE_NOTIFY, PROBE_WARN, "the mode notify can be had",
	"the mode notify cannot be had, so nothing but the mode process reaches static programs")
FEATURE(sync_wake_up, PROBE_SYNC_WAKE_UP, PROBE_OK, "notified calls wait little",
	"before Linux 6.6; notified calls wait some times longer")
FEATURE(wait_killable, PROBE_WAIT_KILLABLE, PROBE_OK,
	"signals do not interrupt notified calls, where the runtime knows the flag",
	"before Linux 5.19; signals can interrupt notified calls")
FEATURE(suspend_seccomp, PROBE_SUSPEND_SECCOMP, PROBE_WARN,
	"processes with seccomp filters of their own can be marked",
	"processes with seccomp filters are marked only if they have no other than their "
	"container's, and its profile allows madvise and prctl")

/* The rule is ocfg_policy_choose's; here it is said for this host. */
static enum verdict check_auto(const struct probe_context *context, char *detail)
{
	if (!(context->found & PROBE_MADVISE))
		return PROBE_SKIP;
	if ((context->found & PROBE_PROCESS_WIDE) == PROBE_PROCESS_WIDE)
		return probe_say(PROBE_OK, detail,
				 "process; with a min-size preload, or notify for static programs");
	return probe_say(PROBE_OK, detail, "preload for dynamically linked programs, %s for others",
			 context->found & PROBE_NOTIFY ? "notify (where oci-ksmd answers)"
						       : "nothing that reaches them");
}

const struct doctor_probe probes_features[] = {
	{"madvise", "Can memory be made mergeable?", check_madvise,
	 "Boot a kernel with CONFIG_KSM=y, or leave the sandbox that refuses madvise."},
	{"prctl", "Can a whole process be made mergeable?", check_prctl, ""},
	{"exec_inherit", "Do programs inherit that?", check_exec_inherit, ""},
	{"vma_merge", "Do neighbouring mappings still become one then?", check_vma_merge, ""},
	{"process_madvise", "Can many regions be marked at once?", check_process_madvise, ""},
	{"listener", "Is a seccomp listener to be had?", check_listener,
	 "Only one is possible for a process and all that it starts; WSL2 and some sandboxes have "
	 "it."},
	{"seccomp_notify", "Can system calls be notified?", check_seccomp_notify,
	 "Boot Linux 5.5 or newer with CONFIG_SECCOMP_FILTER=y, outside of sandboxes."},
	{"sync_wake_up", "Do notified calls get their answers on the same CPU?", check_sync_wake_up,
	 ""},
	{"wait_killable", "Can notified calls be kept from signals?", check_wait_killable, ""},
	{"suspend_seccomp", "Do filters let us mark memory?", check_suspend_seccomp,
	 "Only root may suspend filters (CAP_SYS_ADMIN, no seccomp filter of its own); needs "
	 "CONFIG_CHECKPOINT_RESTORE=y."},
	{"auto", "What does the mode auto take?", check_auto, ""},
};
const size_t probes_features_count = sizeof(probes_features) / sizeof(probes_features[0]);
