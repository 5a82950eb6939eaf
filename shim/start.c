/* SPDX-License-Identifier: Apache-2.0 */
/* What happens when the shim is loaded: read the wishes in the environment, decide the way, mark what is there. */
#include <linux/auxvec.h>

#include "shim/mark.h"
#include "shim/sys.h"

/* Bytes. Every mapping: beside one that is marked, one that is not would stay a VMA of its own. */
#define DEFAULT_MIN_SIZE 0
#define STDERR		 2

/* Data of the libc, where it has it: our constructor gets the environment from glibc only. */
extern char **__environ __attribute__((weak));
extern const char *gnu_get_libc_version(void) __attribute__((weak));
extern unsigned long getauxval(unsigned long type) __attribute__((weak));

static struct {
	const char *no;	      /* OCI_KSM_NO: features that are forced off */
	const char *min;      /* OCI_KSM_MIN_SIZE, else KSM Preload's KSMP_MERGE_THRESHOLD */
	const char *debug;    /* OCI_KSM_DEBUG */
	const char *tunables; /* GLIBC_TUNABLES */
} env;

/* The value if `var` is NAME=value, else NULL. */
static const char *value_of(const char *var, const char *name)
{
	while (*name && *var == *name) {
		var++;
		name++;
	}
	return *name == '\0' && *var == '=' ? var + 1 : NULL;
}

static void read_environment(char *const *envp)
{
	const char *threshold = NULL;

	for (; envp && *envp; envp++) {
		const char *v;

		if ((v = value_of(*envp, "OCI_KSM_NO")))
			env.no = v;
		else if ((v = value_of(*envp, "OCI_KSM_MIN_SIZE")))
			env.min = v;
		else if ((v = value_of(*envp, "KSMP_MERGE_THRESHOLD")))
			threshold = v;
		else if ((v = value_of(*envp, "OCI_KSM_DEBUG")))
			env.debug = v;
		else if ((v = value_of(*envp, "GLIBC_TUNABLES")))
			env.tunables = v;
	}
	if (!env.min)
		env.min = threshold;
}

/* Is `word` in the list (separated by commas)? */
static bool listed(const char *list, const char *word)
{
	while (list && *list) {
		const char *w = word;

		while (*w && *list == *w) {
			list++;
			w++;
		}
		if (*w == '\0' && (*list == ',' || *list == '\0'))
			return true;
		while (*list && *list != ',')
			list++;
		if (*list == ',')
			list++;
	}
	return false;
}

/* Bytes, or with K, M, G behind; what is no number means the default. */
static size_t size_or_default(const char *text)
{
	size_t n = 0;
	unsigned shift = 0;

	if (!text || *text < '0' || *text > '9')
		return DEFAULT_MIN_SIZE;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (n > SIZE_MAX / 16)
			return DEFAULT_MIN_SIZE;
		n = n * 10 + (size_t)(*text - '0');
	}
	if (*text == 'K' || *text == 'k')
		shift = 10;
	else if (*text == 'M' || *text == 'm')
		shift = 20;
	else if (*text == 'G' || *text == 'g')
		shift = 30;
	return n > (SIZE_MAX >> 1) >> shift ? DEFAULT_MIN_SIZE : n << shift;
}

/*
 * Do neighbouring mappings still become one VMA under PR_SET_MEMORY_MERGE? From Linux 6.4 to 6.16 they don't, and a program that
 * maps often runs into vm.max_map_count. Tried: two mappings side by side; mremap that grows both as one says EFAULT if they are two.
 */
static bool vmas_merge(void)
{
	size_t page = shim_state.page;
	long r = sys_mmap(0, 4 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uintptr_t p = (uintptr_t)r;
	bool merged = false;

	if (sys_failed(r))
		return false;
	sys_munmap(p + 2 * page, 2 * page);
	r = sys_mmap(p, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		     0);
	if (!sys_failed(r))
		r = sys_mmap(p + page, page, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (!sys_failed(r)) {
		r = sys_mremap(p, 2 * page, 3 * page, 0, 0);
		merged = r != -SHIM_EFAULT;
	}
	sys_munmap(p, (merged && !sys_failed(r) ? 3 : 2) * page);
	return merged;
}

/* The whole process by one call: inherited from whoever started it, or ours where the kernel does it without harm. */
static bool whole_process(void)
{
	long on;

	if (listed(env.no, "prctl"))
		return false;
	on = sys_prctl(PR_GET_MEMORY_MERGE, 0);
	if (on == 1)
		return true;
	if (on != 0 || sys_prctl(PR_SET_MEMORY_MERGE, 1) != 0)
		return false;
	if (!listed(env.no, "vma_merge") && vmas_merge())
		return true;
	sys_prctl(PR_SET_MEMORY_MERGE, 0);
	return false;
}

static size_t length(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

/* Never in programs that run with other rights than their caller's: their stderr is not for us. */
static void say(const char *what)
{
	if (!env.debug || env.debug[0] != '1' || sys_is_setid())
		return;
	sys_write(STDERR, what, length(what));
}

#define SWITCHED_OFF "oci-ksm: preload: switched off, nothing is marked\n"

static __attribute__((constructor)) void start(int argc, char **argv, char **envp)
{
	enum shim_malloc kind = shim_next_resolve();

	(void)argc;
	(void)argv;
	if (getauxval && getauxval(AT_PAGESZ) != 0)
		shim_state.page = getauxval(AT_PAGESZ);
	if (&__environ && __environ)
		read_environment(__environ);
	else if (gnu_get_libc_version)
		read_environment(envp);
	shim_state.malloc_kind = kind;
	shim_state.tunables = env.tunables != NULL;
	shim_begin_off();
	if (whole_process()) {
		shim_state.process = true;
		if (shim_off)
			sys_prctl(PR_SET_MEMORY_MERGE, 0);
		say(shim_off ? SWITCHED_OFF
			     : "oci-ksm: preload: the whole process is mergeable "
			       "(PR_SET_MEMORY_MERGE)\n");
	} else {
		shim_state.min_size = size_or_default(env.min);
		shim_mark_existing();
		shim_state.looking = shim_state.min_size != SIZE_MAX && kind != SHIM_MALLOC_FOREIGN;
		say(shim_state.min_size == SIZE_MAX
			    ? "oci-ksm: preload: this kernel cannot merge memory (no KSM)\n"
		    : shim_off ? SWITCHED_OFF
			       : "oci-ksm: preload: regions are marked as they grow "
				 "(MADV_MERGEABLE)\n");
	}
	shim_state.settled = true;
}
