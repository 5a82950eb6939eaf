/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp filter of `run --mode=notify`, made by libseccomp and installed by hand: 2.5 knows no WAIT_KILLABLE_RECV. */
#include "hook/cli/run_filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oci-config/cleanup.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* Linux 5.19 */
#endif

static int add_call(scmp_filter_ctx filter, const struct ocfg_notify_call *call, struct error *err)
{
	static const enum scmp_compare ops[] = {
		[OCFG_NOTIFY_NE] = SCMP_CMP_NE,
		[OCFG_NOTIFY_GE] = SCMP_CMP_GE,
		[OCFG_NOTIFY_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
	};
	struct scmp_arg_cmp args[sizeof(call->conditions) / sizeof(call->conditions[0])];
	int number = seccomp_syscall_resolve_name(call->name), rc;

	for (size_t i = 0; i < call->count; i++)
		args[i] = (struct scmp_arg_cmp){
			.arg = call->conditions[i].index,
			.op = ops[call->conditions[i].op],
			.datum_a = call->conditions[i].value,
			.datum_b = call->conditions[i].value_two,
		};
	rc = seccomp_rule_add_array(filter, SCMP_ACT_NOTIFY, number, (unsigned)call->count, args);
	return rc < 0 ? error_set(err, -rc, "seccomp rule for %s", call->name) : 0;
}

static int export(scmp_filter_ctx filter, struct run_filter *ret, struct error *err)
{
	cleanup_close int fd = memfd_create("filter", MFD_CLOEXEC);
	int rc = fd < 0 ? -errno : seccomp_export_bpf(filter, fd);
	ssize_t n;

	if (rc < 0)
		return error_set(err, -rc, "export the seccomp filter");
	n = pread(fd, ret->code, sizeof(ret->code), 0);
	if (n <= 0 || (size_t)n == sizeof(ret->code))
		return error_set(err, n < 0 ? errno : E2BIG, "read the seccomp filter");
	ret->count = (unsigned short)((size_t)n / sizeof(ret->code[0]));
	return 0;
}

int run_filter_build(const struct ocfg_notify *notify, struct run_filter *ret, struct error *err)
{
	struct ocfg_notify_call calls[OCFG_NOTIFY_CALLS];
	size_t count = ocfg_notify_calls(notify, calls);
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int rc = filter ? 0 : error_set(err, ENOMEM, "seccomp filter");

	/* Programs of another kind (32-bit) cannot be marked from outside: let them live, unnotified. */
	if (rc == 0) {
		rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
		if (rc < 0)
			rc = error_set(err, -rc, "seccomp filter");
	}
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = add_call(filter, &calls[i], err);
	if (rc == 0)
		rc = export(filter, ret, err);
	if (filter)
		seccomp_release(filter);
	return rc;
}

int run_filter_install(const struct run_filter *filter, bool wait_killable, struct error *err)
{
	struct sock_fprog program = {
		.len = filter->count,
		.filter = (struct sock_filter *)filter->code,
	};
	unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW |
			      (wait_killable ? SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV : 0);
	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);

	if (fd < 0 && errno == EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) == 0)
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	if (fd < 0 && errno == EBUSY)
		return error_set(err, EBUSY, "a seccomp listener has this program's calls already");
	if (fd < 0)
		return error_set(err, errno, "seccomp filter with a listener");
	return (int)fd;
}
