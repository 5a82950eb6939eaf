/* SPDX-License-Identifier: Apache-2.0 */
/* The place in another process at which injected calls are executed. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

#include "hook/inject/trampoline.h"
#include "oci-config/cleanup.h"

#define VDSO_MAX	 65536
#define TRAMPOLINE_SLOTS 4

/* The vDSO of this process. Its image is the same in all 64-bit processes; what lies behind it in the last page is nobody's. */
struct vdso {
	const unsigned char *base;
	size_t used; /* multiple of 16 */
	size_t size; /* whole pages */
};

static size_t image_end(const unsigned char *base)
{
	Elf64_Ehdr elf;
	size_t end;

	memcpy(&elf, base, sizeof(elf));
	end = elf.e_shoff + (size_t)elf.e_shnum * elf.e_shentsize;
	for (size_t i = 0; i < elf.e_phnum; i++) {
		Elf64_Phdr part;

		memcpy(&part, base + elf.e_phoff + i * sizeof(part), sizeof(part));
		if (part.p_offset + part.p_filesz > end)
			end = part.p_offset + part.p_filesz;
	}
	return end;
}

static const struct vdso *own_vdso(void)
{
	static struct vdso vdso;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (vdso.base)
		return &vdso;
	/* The kernel gives the address as a number. */
	vdso.base = (const unsigned char *)getauxval(AT_SYSINFO_EHDR); // NOLINT
	if (!vdso.base)
		return NULL;
	vdso.used = (image_end(vdso.base) + 15) & ~(size_t)15;
	vdso.size = (vdso.used + page - 1) & ~(page - 1);
	return &vdso;
}

static uint64_t vdso_of(pid_t tid)
{
	uint64_t words[128]; /* AT_SYSINFO_EHDR comes first */
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)tid);
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || (n = read(fd, words, sizeof(words))) <= 0)
		return 0;
	for (size_t i = 0; i + 1 < (size_t)n / sizeof(*words); i += 2)
		if (words[i] == AT_SYSINFO_EHDR)
			return words[i + 1];
	return 0;
}

/* Is there the same image at that address? */
static bool same_image(pid_t tid, uint64_t address, const struct vdso *own)
{
	static _Thread_local unsigned char image[VDSO_MAX];
	struct iovec here = {image, own->used}, there = {(void *)address, own->used}; // NOLINT

	return own->used <= sizeof(image) &&
	       process_vm_readv(tid, &here, 1, &there, 1, 0) == (ssize_t)own->used &&
	       memcmp(image, own->base, own->used) == 0;
}

int trampoline_poke(pid_t tid, uint64_t address, const void *data, size_t size)
{
	for (size_t i = 0; i < size; i += sizeof(long)) {
		long word;

		memcpy(&word, (const char *)data + i, sizeof(word));
		if (ptrace(PTRACE_POKETEXT, tid, address + i, word) < 0)
			return -errno;
	}
	return 0;
}

static int refuse(struct error *err)
{
	return error_set(err, EOPNOTSUPP, "no place for a system call in the vDSO");
}

int trampoline_place(struct inject *target, struct error *err)
{
	static unsigned turn;
	const struct vdso *own = own_vdso();
	unsigned char code[ARCH_TRAMPOLINE_MAX];
	uint64_t base, slot;
	int r;

	if (!own || own->size - own->used < TRAMPOLINE_SLOTS * ARCH_TRAMPOLINE_MAX)
		return refuse(err);
	if (!target->scratch) {
		base = vdso_of(target->tid);
		if (!base || !same_image(target->tid, base, own))
			return refuse(err);
		target->scratch = base + own->used + (size_t)TRAMPOLINE_SLOTS * ARCH_TRAMPOLINE_MAX;
		target->scratch_size = base + own->size - target->scratch;
	}
	if (turn == 0)
		turn = (unsigned)
			getpid(); /* those of our predecessor are not taken again at once */
	slot = target->scratch - (++turn % TRAMPOLINE_SLOTS + 1) * (uint64_t)ARCH_TRAMPOLINE_MAX;
	arch_trampoline(code, &target->saved);
	r = trampoline_poke(target->tid, slot, code, sizeof(code));
	if (r == -ESRCH)
		return error_set(err, ESRCH, "thread %d", (int)target->tid);
	if (r < 0)
		return refuse(err);
	target->trampoline = slot;
	return 0;
}
