/* SPDX-License-Identifier: Apache-2.0 */
/* What a runtime makes of linux.seccomp: built by libseccomp, exported, and run call by call. */
#include "tests/unit/filter.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/mman.h>

#include "tests/unit/unit.h"

/* libseccomp 2.5 leaks rules that it refuses. NOLINTNEXTLINE(bugprone-reserved-identifier) */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
/* NOLINTNEXTLINE(bugprone-reserved-identifier) */
const char *__lsan_default_suppressions(void)
{
	return "leak:libseccomp.so";
}

static const char *text_of(json_object *object, const char *key)
{
	json_object *value = NULL;

	json_object_object_get_ex(object, key, &value);
	return value ? json_object_get_string(value) : "";
}

static uint64_t number_of(json_object *object, const char *key, uint64_t absent)
{
	json_object *value = NULL;

	json_object_object_get_ex(object, key, &value);
	return value ? json_object_get_uint64(value) : absent;
}

static uint32_t action_of(const char *name, uint64_t code)
{
	static const struct {
		const char *name;
		uint32_t action;
	} actions[] = {
		{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
		{"SCMP_ACT_KILL", SCMP_ACT_KILL},
		{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
		{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
		{"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
		{"SCMP_ACT_LOG", SCMP_ACT_LOG},
		{"SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY},
	};

	if (strcmp(name, "SCMP_ACT_ERRNO") == 0)
		return SCMP_ACT_ERRNO((uint32_t)code);
	for (size_t i = 0; i < COUNT(actions); i++)
		if (strcmp(actions[i].name, name) == 0)
			return actions[i].action;
	fail_msg("action %s", name);
	return 0;
}

static enum scmp_compare compare_of(const char *name)
{
	static const struct {
		const char *name;
		enum scmp_compare op;
	} ops[] = {
		{"SCMP_CMP_NE", SCMP_CMP_NE},
		{"SCMP_CMP_LT", SCMP_CMP_LT},
		{"SCMP_CMP_LE", SCMP_CMP_LE},
		{"SCMP_CMP_EQ", SCMP_CMP_EQ},
		{"SCMP_CMP_GE", SCMP_CMP_GE},
		{"SCMP_CMP_GT", SCMP_CMP_GT},
		{"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
	};

	for (size_t i = 0; i < COUNT(ops); i++)
		if (strcmp(ops[i].name, name) == 0)
			return ops[i].op;
	fail_msg("operator %s", name);
	return SCMP_CMP_EQ;
}

static int add(scmp_filter_ctx ctx, uint32_t action, const char *name, json_object *args)
{
	struct scmp_arg_cmp cmp[6];
	size_t count = args ? json_object_array_length(args) : 0;
	unsigned seen = 0, twice = 0;
	int nr = seccomp_syscall_resolve_name(name), rc = 0;

	if (nr == __NR_SCMP_ERROR)
		return 0;
	for (size_t i = 0; i < count; i++) {
		json_object *arg = json_object_array_get_idx(args, i);
		unsigned index = (unsigned)number_of(arg, "index", 0);

		cmp[i] = (struct scmp_arg_cmp){index, compare_of(text_of(arg, "op")),
					       number_of(arg, "value", 0),
					       number_of(arg, "valueTwo", 0)};
		twice |= seen & 1u << index;
		seen |= 1u << index;
	}
	if (!twice)
		return seccomp_rule_add_array(ctx, action, nr, (unsigned)count, cmp);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = seccomp_rule_add_array(ctx, action, nr, 1, &cmp[i]);
	return rc;
}

static int add_rules(scmp_filter_ctx ctx, json_object *seccomp, uint32_t default_action)
{
	json_object *rules = NULL;
	int rc = 0;

	json_object_object_get_ex(seccomp, "syscalls", &rules);
	for (size_t i = 0; rules && i < json_object_array_length(rules); i++) {
		json_object *rule = json_object_array_get_idx(rules, i), *names = NULL,
			    *args = NULL;
		uint32_t action =
			action_of(text_of(rule, "action"), number_of(rule, "errnoRet", EPERM));

		if (action == default_action)
			continue;
		json_object_object_get_ex(rule, "names", &names);
		json_object_object_get_ex(rule, "args", &args);
		for (size_t n = 0; rc == 0 && n < json_object_array_length(names); n++)
			rc = add(ctx, action,
				 json_object_get_string(json_object_array_get_idx(names, n)), args);
	}
	return rc;
}

static uint32_t arch_of(const char *name)
{
	if (strcmp(name, "SCMP_ARCH_X86_64") == 0)
		return SCMP_ARCH_X86_64;
	if (strcmp(name, "SCMP_ARCH_X86") == 0)
		return SCMP_ARCH_X86;
	if (strcmp(name, "SCMP_ARCH_X32") == 0)
		return SCMP_ARCH_X32;
	if (strcmp(name, "SCMP_ARCH_AARCH64") == 0)
		return SCMP_ARCH_AARCH64;
	if (strcmp(name, "SCMP_ARCH_ARM") == 0)
		return SCMP_ARCH_ARM;
	fail_msg("architecture %s", name);
	return 0;
}

static void export(scmp_filter_ctx ctx, struct filter *ret)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	ssize_t size;

	assert_true(fd >= 0);
	assert_int_equal(seccomp_export_bpf(ctx, fd), 0);
	size = pread(fd, ret->code, sizeof(ret->code), 0);
	assert_true(size > 0 && (size_t)size < sizeof(ret->code));
	ret->count = (size_t)size / sizeof(ret->code[0]);
	close(fd);
}

int filter_build(json_object *seccomp, int optimize, struct filter *ret)
{
	uint32_t action;
	json_object *archs = NULL;
	scmp_filter_ctx ctx;
	int rc;

	assert_int_equal(seccomp_api_set(6), 0); /* notify; whatever this kernel has */
	action = seccomp ? action_of(text_of(seccomp, "defaultAction"),
				     number_of(seccomp, "defaultErrnoRet", EPERM))
			 : SCMP_ACT_ALLOW;
	ctx = seccomp_init(action);
	assert_non_null(ctx);
	json_object_object_get_ex(seccomp, "architectures", &archs);
	for (size_t i = 0; archs && i < json_object_array_length(archs); i++) {
		rc = seccomp_arch_add(
			ctx, arch_of(json_object_get_string(json_object_array_get_idx(archs, i))));

		assert_true(rc == 0 || rc == -EEXIST);
	}
	if (optimize)
		assert_int_equal(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2), 0);
	rc = add_rules(ctx, seccomp, action);
	if (rc == 0)
		export(ctx, ret);
	seccomp_release(ctx);
	return rc;
}

static bool jumps(const struct sock_filter *at, uint32_t a)
{
	switch (BPF_OP(at->code)) {
	case BPF_JEQ:
		return a == at->k;
	case BPF_JGT:
		return a > at->k;
	case BPF_JGE:
		return a >= at->k;
	case BPF_JSET:
		return (a & at->k) != 0;
	default:
		fail_msg("jump %#x", at->code);
		return false;
	}
}

uint32_t filter_run(const struct filter *filter, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < filter->count; pc++) {
		const struct sock_filter *at = &filter->code[pc];

		if (at->code == (BPF_LD | BPF_W | BPF_ABS)) {
			assert_true(at->k % 4 == 0 && at->k < sizeof(*data));
			memcpy(&a, (const char *)data + at->k, sizeof(a));
		} else if (at->code == (BPF_ALU | BPF_AND | BPF_K)) {
			a &= at->k;
		} else if (at->code == (BPF_JMP | BPF_JA)) {
			pc += at->k;
		} else if (BPF_CLASS(at->code) == BPF_JMP && BPF_SRC(at->code) == BPF_K) {
			pc += jumps(at, a) ? at->jt : at->jf;
		} else if (at->code == (BPF_RET | BPF_K)) {
			return at->k;
		} else {
			fail_msg("instruction %#x", at->code);
		}
	}
	fail_msg("no answer");
	return 0;
}
