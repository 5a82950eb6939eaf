/* SPDX-License-Identifier: Apache-2.0 */
/* Compares what two seccomp profiles answer, call by call. */
#include "tests/unit/compare.h"

#include <asm/unistd.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <sys/mman.h>

#include "tests/unit/filter.h"
#include "tests/unit/unit.h"

#define X32_BIT 0x40000000
#define MIN	65536 /* the default of min-size, around which the values lie */

static const struct machine {
	const char *name;
	uint32_t token, audit;
	int first; /* number of system call 0 */
	bool wide; /* libseccomp compares 64 bits */
} machines[] = {
#ifdef __x86_64__
	{"x86_64", SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, 0, true},
	{"x32", SCMP_ARCH_X32, AUDIT_ARCH_X86_64, X32_BIT, false},
	{"x86", SCMP_ARCH_X86, AUDIT_ARCH_I386, 0, false},
#else
	{"aarch64", SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, 0, true},
	{"arm", SCMP_ARCH_ARM, AUDIT_ARCH_ARM, 0, false},
#endif
};

static const uint64_t odd_values[] = {
	0,
	1,
	2,
	3,
	4,
	7,
	32,
	34,
	50,
	4095,
	4096,
	MIN - 1,
	MIN,
	MIN + 1,
	131072,
	1 << 20,
	~0u,
	1ull << 32,
	(1ull << 32) + MIN - 1,
	(1ull << 32) + MIN,
	(1ull << 32) | 32,
	1ull << 37,
	1ull << 63,
	~0ull,
};

static const uint64_t addresses[] = {0, 1, 4096, 1ull << 32, 0x7f0000000000, ~0ull};
static const uint64_t prots[] = {
	PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_EXEC, PROT_READ | PROT_WRITE | PROT_EXEC,
	1ull << 34};
static const uint64_t lengths[] = {
	0,
	1,
	4095,
	4096,
	32768,
	MIN - 1,
	MIN,
	MIN + 1,
	99999,
	100000,
	131072,
	1 << 20,
	1 << 30,
	(1 << 30) + 1,
	~0u,
	1ull << 32,
	(1ull << 32) + 1,
	(1ull << 32) + MIN - 1,
	(1ull << 32) + MIN,
	1ull << 63,
	~0ull,
};
static const uint64_t flag_values[] = {
	0,
	MAP_SHARED,
	MAP_PRIVATE,
	MAP_ANONYMOUS,
	MAP_PRIVATE | MAP_ANONYMOUS,
	MAP_SHARED | MAP_ANONYMOUS,
	MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
	MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
	MAP_PRIVATE | MAP_FIXED,
	0x40,
	0x40022,
	~(uint64_t)MAP_ANONYMOUS,
	0xffffffdf,
	~0u,
	~0ull,
	1ull << 37,
	1ull << 32 | 0x22,
};

/* Two filters, before and after; what is to be notified; the first difference. */
struct comparison {
	struct filter old, new;
	struct ocfg_notify notify;
	const struct machine *machine;
	struct seccomp_data data;
	bool is_mmap, is_brk;
	size_t notified;
	char difference[256];
};

static bool wants(const struct comparison *c)
{
	uint64_t mask = c->machine->wide ? ~0ull : ~0u;

	if (c->is_mmap)
		return (c->data.args[1] & mask) >= (c->notify.min_size & mask) &&
		       (c->data.args[3] & MAP_ANONYMOUS);
	return c->is_brk && (c->notify.brk || c->notify.sync) && (c->data.args[0] & mask) != 0;
}

static void compare_call(struct comparison *c)
{
	uint32_t old = filter_run(&c->old, &c->data), new = filter_run(&c->new, &c->data);
	uint32_t expected =
		old == SECCOMP_RET_ALLOW && wants(c) ? (uint32_t)SECCOMP_RET_USER_NOTIF : old;
	const __u64 *a = c->data.args;

	c->notified += new == SECCOMP_RET_USER_NOTIF;
	if (new != expected && !c->difference[0])
		snprintf(c->difference, sizeof(c->difference),
			 "%s %d(%#llx, %#llx, %#llx, %#llx): %#x, before %#x", c->machine->name,
			 c->data.nr, a[0], a[1], a[2], a[3], new, old);
}

static void compare_mmap(struct comparison *c)
{
	for (size_t a = 0; a < COUNT(addresses); a++)
		for (size_t l = 0; l < COUNT(lengths); l++)
			for (size_t p = 0; p < COUNT(prots); p++)
				for (size_t f = 0; f < COUNT(flag_values); f++) {
					c->data.args[0] = addresses[a];
					c->data.args[1] = lengths[l];
					c->data.args[2] = prots[p];
					c->data.args[3] = flag_values[f];
					c->data.args[4] = (l + f) & 1 ? 3 : ~0u;
					c->data.args[5] = f & 2 ? 0 : 4096;
					compare_call(c);
				}
}

static void compare_machine(struct comparison *c, int last)
{
	int mmap_nr = seccomp_syscall_resolve_name_arch(c->machine->token, "mmap");
	int brk_nr = seccomp_syscall_resolve_name_arch(c->machine->token, "brk");

	c->data.arch = c->machine->audit;
	for (int nr = -1; nr <= last; nr++) {
		c->data.nr = c->machine->first + nr;
		c->is_mmap = c->data.nr == mmap_nr;
		c->is_brk = c->data.nr == brk_nr;
		for (size_t v = 0; v < COUNT(odd_values); v++) {
			for (size_t i = 0; i < 6; i++)
				c->data.args[i] = odd_values[(v + i * i) % COUNT(odd_values)];
			compare_call(c);
		}
		if (c->is_mmap)
			compare_mmap(c);
	}
}

const char *compare(json_object *old, json_object *new, const struct ocfg_notify *notify, int last,
		    size_t *ret_notified)
{
	static struct comparison comparison;
	struct comparison *c = &comparison;

	c->notify = *notify;
	c->difference[0] = '\0';
	c->notified = 0;
	for (int optimize = 0; optimize < 2; optimize++) {
		assert_int_equal(filter_build(old, optimize, &c->old), 0);
		assert_int_equal(filter_build(new, optimize, &c->new), 0);
		for (size_t m = 0; m < COUNT(machines); m++) {
			c->machine = &machines[m];
			compare_machine(c, last);
		}
	}
	*ret_notified = c->notified;
	return c->difference;
}
