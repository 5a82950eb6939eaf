/* SPDX-License-Identifier: Apache-2.0 */
/* The place in another process at which injected calls are executed. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "hook/inject/trampoline.h"
#include "oci-config/cleanup.h"

#define VDSO_MAX 65536
#define SLOTS	 6
#define TAKEN_S	 10 /* a thread that was left there needs no more than to run once */

/* At the end of the vDSO: code, and who took the place when. */
struct slot {
	unsigned char code[ARCH_TRAMPOLINE_MAX];
	uint64_t taken; /* seconds of CLOCK_MONOTONIC + 1; 0: free */
};

/*
 * The vDSO of this process; its image is the same in all 64-bit processes. What lies behind the image in the last page is
 * nobody's. If that is too little, the table of sections at the image's end is taken as well: no program reads it, only debuggers.
 */
struct vdso {
	const unsigned char *base;
	size_t loaded; /* what programs use */
	size_t free;   /* what we use, from here */
	size_t size;   /* whole pages */
};
#define SCRATCH_MIN 256

static size_t align(size_t size, size_t to)
{
	return (size + to - 1) & ~(to - 1);
}

/* Where the last segment ends. */
static size_t segments_end(const unsigned char *base, const Elf64_Ehdr *elf)
{
	size_t end = elf->e_phoff + elf->e_phnum * sizeof(Elf64_Phdr);

	for (size_t i = 0; i < elf->e_phnum; i++) {
		Elf64_Phdr part;

		memcpy(&part, base + elf->e_phoff + i * sizeof(part), sizeof(part));
		if (part.p_offset + part.p_filesz > end)
			end = part.p_offset + part.p_filesz;
	}
	return end;
}

static const struct vdso *own_vdso(void)
{
	static struct vdso vdso;
	size_t image;
	Elf64_Ehdr elf;

	if (vdso.base)
		return &vdso;
	/* The kernel gives the address as a number. */
	vdso.base = (const unsigned char *)getauxval(AT_SYSINFO_EHDR); // NOLINT
	if (!vdso.base)
		return NULL;
	memcpy(&elf, vdso.base, sizeof(elf));
	vdso.loaded = align(segments_end(vdso.base, &elf), 16);
	image = align(elf.e_shoff + (size_t)elf.e_shnum * elf.e_shentsize, 16);
	if (image < vdso.loaded)
		image = vdso.loaded;
	vdso.size = align(image, (size_t)sysconf(_SC_PAGESIZE));
	vdso.free = vdso.size - image >= SLOTS * sizeof(struct slot) + SCRATCH_MIN ? image
										   : vdso.loaded;
	return &vdso;
}

/* Is it the kernel's own mapping of that name, and no file's? "START-END MODE OFFSET DEVICE INODE NAME" */
static bool is_vdso(const char *line)
{
	const char *device = line;

	for (int i = 0; i < 3 && device; i++)
		device = strchr(device + 1, ' ');
	return device && strncmp(device, " 00:00 0 ", 9) == 0 && strstr(device, " [vdso]\n");
}

/* As everybody may read it who may trace the thread. */
static uint64_t vdso_in_maps(pid_t tid)
{
	char path[64], line[512];
	uint64_t address = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)tid);
	maps = fopen(path, "re");
	while (maps && !address && fgets(line, sizeof(line), maps))
		if (is_vdso(line))
			address = strtoull(line, NULL, 16);
	if (maps)
		(void)fclose(maps);
	return address;
}

static uint64_t vdso_of(pid_t tid)
{
	uint64_t words[128]; /* AT_SYSINFO_EHDR comes first */
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)tid);
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	/* A helper without root reads this of its own user's processes only, and containers have other users. */
	if (fd < 0 && errno == EACCES)
		return vdso_in_maps(tid);
	if (fd < 0 || (n = read(fd, words, sizeof(words))) <= 0)
		return 0;
	for (size_t i = 0; i + 1 < (size_t)n / sizeof(*words); i += 2)
		if (words[i] == AT_SYSINFO_EHDR)
			return words[i + 1];
	return 0;
}

/* Reads what is at that address: the same image? Then its slots are in *ret. */
static bool read_slots(pid_t tid, uint64_t address, const struct vdso *own, struct slot ret[SLOTS])
{
	static _Thread_local unsigned char image[VDSO_MAX];
	struct iovec here = {image, own->size}, there = {(void *)address, own->size}; // NOLINT

	if (own->size > sizeof(image) ||
	    process_vm_readv(tid, &here, 1, &there, 1, 0) != (ssize_t)own->size ||
	    memcmp(image, own->base, own->loaded) != 0)
		return false;
	memcpy(ret, image + own->free, SLOTS * sizeof(*ret));
	return true;
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

static uint64_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec + 1;
}

/* The address of a place that nobody can be in, or 0. */
static uint64_t choose(const struct slot slots[SLOTS], uint64_t first)
{
	static unsigned turn;
	uint64_t now = now_s();

	for (unsigned i = 0; i < SLOTS; i++) {
		unsigned slot = ++turn % SLOTS;

		if (slots[slot].taken == 0 || slots[slot].taken > now ||
		    now - slots[slot].taken > TAKEN_S)
			return first + slot * sizeof(struct slot);
	}
	return 0;
}

static int refuse(struct error *err)
{
	return error_set(err, EOPNOTSUPP, "no place for a system call in the vDSO");
}

int trampoline_place(struct inject *target, struct error *err)
{
	const struct vdso *own = own_vdso();
	struct slot slots[SLOTS], mine = {.taken = now_s()};
	uint64_t base, address;
	int r;

	if (!own || own->size - own->free < sizeof(slots))
		return refuse(err);
	base = vdso_of(target->tid);
	if (!base || !read_slots(target->tid, base, own, slots))
		return refuse(err);
	address = choose(slots, base + own->free);
	if (!address)
		return error_set(err, EAGAIN, "no free place for a system call in the vDSO");
	arch_trampoline(mine.code, &target->saved);
	r = trampoline_poke(target->tid, address, &mine, sizeof(mine));
	if (r == -ESRCH)
		return error_set(err, ESRCH, "thread %d", (int)target->tid);
	if (r < 0)
		return refuse(err);
	target->trampoline = address;
	target->scratch = base + own->free + sizeof(slots);
	target->scratch_size = base + own->size - target->scratch;
	return 0;
}

/* If it fails the process is about to end. */
void trampoline_release(struct inject *target)
{
	const uint64_t nobody = 0;

	if (target->trampoline)
		trampoline_poke(target->tid, target->trampoline + offsetof(struct slot, taken),
				&nobody, sizeof(nobody));
	target->trampoline = 0;
}
