/* SPDX-License-Identifier: Apache-2.0 */
/* What `doctor` asks of the seccomp-notify helper. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "hook/cli/probes.h"
#include "hook/common/notify_socket.h"
#include "hook/common/probe.h"
#include "oci-config/cleanup.h"

#define HELLO_MS 2000

static int hello(const struct probe_context *context, char *path, size_t size,
		 struct notify_hello *ret, struct error *err)
{
	int rc = notify_socket_path(&context->settings, path, size, err);

	return rc < 0 ? rc : notify_hello(path, HELLO_MS, ret, err);
}

/* Do the settings ask for what it does by itself, so that it must not wait until somebody comes? */
static bool must_run(const struct ocfg_settings *settings)
{
	return settings->profit_guard.enable || settings->ksm.boost.on || settings->ksm.pressure.on;
}

static void advise_start(const struct probe_context *context)
{
	bool always = must_run(&context->settings);
	char command[64] = "oci-ksmd &";

	if (access("/run/systemd/system", F_OK) == 0)
		snprintf(command, sizeof(command), "systemctl %senable --now oci-ksmd.%s",
			 geteuid() == 0 ? "" : "--user ", always ? "service" : "socket");
	probe_advise(
		context, "`%s` (as the user whose containers they are). %s", command,
		always ? "The settings (profit_guard, boost, pressure) have no effect without it."
		       : "Only the mode notify, and sessions in containers that were enabled, "
			 "need it; oci-ksm run starts one by itself.");
}

static enum verdict check_helper(const struct probe_context *context, char *detail)
{
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)] = "";
	struct notify_hello helper;
	struct error err = {0};

	if (hello(context, path, sizeof(path), &helper, &err) < 0) {
		advise_start(context);
		return probe_say(PROBE_WARN, detail, "no: %s", err.msg);
	}
	return probe_say(PROBE_OK, detail, "oci-ksmd %s at %s, pid %d, %" PRIu64 " listeners",
			 helper.version, path, (int)helper.keeper, helper.containers);
}

static enum verdict check_ways(const struct probe_context *context, char *detail)
{
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)], missing[PROBE_DETAIL / 2];
	struct notify_hello helper;
	const char *way;

	if (hello(context, path, sizeof(path), &helper, NULL) < 0)
		return PROBE_SKIP; /* said by the one before */
	way = (helper.features & PROBE_PROCESS_WIDE) == PROBE_PROCESS_WIDE
		      ? "whole processes at once"
		      : "region by region";
	probe_list_missing(helper.features, missing, sizeof(missing));
	if (!(helper.features & PROBE_NOTIFY) || !(helper.features & PROBE_MADVISE))
		return probe_say(PROBE_WARN, detail, "it cannot: this kernel lacks %s", missing);
	if (!(helper.features & PROBE_SUSPEND_SECCOMP))
		return probe_say(PROBE_WARN, detail,
				 "%s, but not processes with a seccomp filter of their own; it "
				 "lacks %s",
				 way, missing);
	return probe_say(PROBE_OK, detail, "%s%s%s", way, *missing ? "; this kernel lacks " : "",
			 missing);
}

/* Yama's ptrace_scope: 0 the same user's processes, 1 descendants, 2 with CAP_SYS_PTRACE, 3 none. */
static enum verdict check_ptrace(const struct probe_context *context, char *detail)
{
	cleanup_close int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);
	char scope = '\0';

	(void)context;
	if (fd < 0 || read(fd, &scope, 1) != 1)
		return PROBE_SKIP;
	if (scope == '0' || (scope != '3' && geteuid() == 0))
		return probe_say(PROBE_OK, detail, "yes, ptrace_scope is %c", scope);
	return probe_say(PROBE_WARN, detail, "ptrace_scope is %c, so %s may", scope,
			 scope == '3' ? "nobody" : "only root");
}

const struct doctor_probe probes_notify[] = {
	{"notify", "Does the helper for static programs answer?", check_helper, "Start oci-ksmd."},
	{"notify_ways", "How does it mark memory?", check_ways,
	 "Run it as root, or on a newer kernel."},
	{"ptrace", "May it stop the programs to mark them?", check_ptrace,
	 "`sysctl kernel.yama.ptrace_scope=0` (3 can only be changed by a reboot), or run oci-ksmd "
	 "as root."},
};
const size_t probes_notify_count = sizeof(probes_notify) / sizeof(probes_notify[0]);
