/* SPDX-License-Identifier: Apache-2.0 */
/* Telling the shim in a process, and in a container, whether to mark. What is read there is the tenant's: he can harm himself only. */
#include "hook/mark/shim.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "hook/common/rootfs.h"
#include "hook/mark/regions.h"
#include "oci-config/cleanup.h"
#include "shim/off.h"

#define NOTES_MAX 4096

static bool read_at(int mem, uint64_t address, void *buf, size_t size)
{
	return address <= INT64_MAX && pread(mem, buf, size, (off_t)address) == (ssize_t)size;
}

/* Where the library begins; 0: it is not there. */
static uint64_t find_base(int dir)
{
	static const char name[] = "/libksm_preload.so\n";
	const size_t name_len = sizeof(name) - 1;
	cleanup_close int fd = openat(dir, "maps", O_RDONLY | O_CLOEXEC);
	cleanup_file FILE *maps = fd < 0 ? NULL : fdopen(fd, "re");
	char line[4352];

	if (!maps)
		return 0;
	(void)steal_fd(&fd);
	while (fgets(line, sizeof(line), maps)) {
		size_t len = strlen(line);
		const char *rest = line;
		struct inject_range range;

		/* "rw-p 00000000 ": from the beginning of the file. */
		if (len > name_len && !strcmp(line + len - name_len, name) &&
		    regions_read_range(&rest, &range) && !strncmp(rest + 4, " 00000000 ", 10))
			return range.start;
	}
	return 0;
}

/* The word's address from one segment of notes. */
static uint64_t find_in_notes(int mem, uint64_t address, uint64_t size)
{
	char notes[NOTES_MAX];

	if (size > sizeof(notes) || !read_at(mem, address, notes, size))
		return 0;
	for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= size;) {
		Elf64_Nhdr note;
		size_t name = at + sizeof(note), desc;
		int32_t distance;

		memcpy(&note, notes + at, sizeof(note));
		if (note.n_namesz > size || note.n_descsz > size)
			return 0;
		desc = name + ((note.n_namesz + 3u) & ~3u);
		at = desc + ((note.n_descsz + 3u) & ~3u);
		if (at > size || note.n_type != SHIM_NOTE_OFF ||
		    note.n_descsz != sizeof(distance) || note.n_namesz != sizeof(SHIM_NOTE_NAME) ||
		    memcmp(notes + name, SHIM_NOTE_NAME, sizeof(SHIM_NOTE_NAME)) != 0)
			continue;
		memcpy(&distance, notes + desc, sizeof(distance));
		return address + desc + (uint64_t)(int64_t)distance;
	}
	return 0;
}

static uint64_t find_word(int mem, uint64_t base)
{
	Elf64_Ehdr header;
	uint64_t word = 0;

	if (!base || !read_at(mem, base, &header, sizeof(header)) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_phentsize != sizeof(Elf64_Phdr))
		return 0;
	for (unsigned i = 0; !word && i < header.e_phnum && i < 32; i++) {
		Elf64_Phdr part;

		if (!read_at(mem, base + header.e_phoff + i * sizeof(part), &part, sizeof(part)))
			return 0;
		if (part.p_type == PT_NOTE)
			word = find_in_notes(mem, base + part.p_vaddr, part.p_memsz);
	}
	return word;
}

static bool is_memory(int folder)
{
	struct statfs fs;

	return fstatfs(folder, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

/* Nothing of it reaches the image: where /dev is none in memory, there is no file. */
static void switch_container(int dir, bool off)
{
	static const char file[] = SHIM_OFF_FILE;
	const char *name = strrchr(file, '/') + 1;
	cleanup_close int root = openat(dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int dev = -1;
	struct stat ours, theirs;

	if (root < 0 || fstat(root, &theirs) < 0 || stat("/", &ours) < 0 ||
	    (ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino))
		return;
	dev = rootfs_openat(root, "dev", O_RDONLY | O_DIRECTORY, 0, false);
	if (dev < 0 || !is_memory(dev) || fstat(dev, &theirs) < 0)
		return;
	/* The host's own /dev, given to the container, is not the place for it. */
	if (stat("/dev", &ours) < 0 || ours.st_dev == theirs.st_dev)
		return;
	/* A user namespace may not know the host's root. */
	if (rootfs_become_owner(&theirs, NULL) < 0)
		return;
	if (off)
		(void)mknodat(dev, name, S_IFREG | 0444, 0);
	else
		(void)unlinkat(dev, name, 0);
	rootfs_become_self();
}

void shim_switch(int dir, bool off, bool container)
{
	cleanup_close int mem = openat(dir, "mem", O_RDWR | O_CLOEXEC);
	uint32_t value = off;
	uint64_t base, word;

	base = mem < 0 ? 0 : find_base(dir);
	if (!base)
		return;
	word = find_word(mem, base);
	if (word && word <= INT64_MAX)
		(void)!pwrite(mem, &value, sizeof(value), (off_t)word);
	if (container)
		switch_container(dir, off);
}
