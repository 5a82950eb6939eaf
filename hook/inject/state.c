/* SPDX-License-Identifier: Apache-2.0 */
/* The state in which a thread was found. */
#include <errno.h>
#include <sys/ptrace.h>

#include "hook/inject/state.h"
#include "hook/inject/stop.h"
#include "hook/inject/waits.h"

/* Linux 5.13; headers disagree about the struct's name. */
#define GET_RSEQ_CONFIGURATION 0x420f
struct rseq_configuration {
	uint64_t abi_pointer;
	uint32_t abi_size, signature, flags, pad;
};
#define RSEQ_CS_OFFSET 8 /* in struct rseq */

static bool peek(pid_t tid, uint64_t address, uint64_t *ret)
{
	errno = 0;
	*ret = (uint64_t)ptrace(PTRACE_PEEKDATA, tid, address, 0);
	return errno == 0;
}

/*
 * Within a restartable sequence the place must not change: the kernel would take it that the sequence is over. Before Linux 5.13
 * nobody can know from outside.
 */
static bool in_sequence(const struct inject *target)
{
	struct rseq_configuration rseq = {0};
	uint64_t sequence, start, length;

	if (arch_in_syscall(&target->saved) ||
	    ptrace((enum __ptrace_request)GET_RSEQ_CONFIGURATION, target->tid, sizeof(rseq),
		   &rseq) < 0 ||
	    !rseq.abi_pointer || !peek(target->tid, rseq.abi_pointer + RSEQ_CS_OFFSET, &sequence) ||
	    !sequence)
		return false;
	return !peek(target->tid, sequence + 8, &start) ||
	       !peek(target->tid, sequence + 16, &length) ||
	       arch_pc(&target->saved) - start < length;
}

int state_save(struct inject *target)
{
	int r = arch_get_regs(target->tid, &target->saved);

	if (r < 0)
		return stop_killed(target);
	target->changed = target->ends_by_stop = false;
	target->trampoline = 0;
	if (!arch_is_native(&target->saved))
		return -EOPNOTSUPP;
	if (in_sequence(target))
		return -EAGAIN;
	target->changed = target->ends_by_stop = waits_restart(target);
	target->slept_since = 0;
	return stop_restore(target);
}
