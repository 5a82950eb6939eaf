/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the memory of a program that is executed under PR_SET_MEMORY_MERGE mergeable, too? A program of a few bytes, in a memfd, maps
 * a page: what counts is the mark of that, not that the program has the flag. (Linux 6.7 to 6.9 marked it without telling ksmd; there
 * PROBE_VMA_MERGE fails, too.)
 */
#include <elf.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hook/common/probe_tries.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10u /* Linux 6.3 */
#endif
#define LOAD_ADDRESS 0x400000
#define READY_FD     STDOUT_FILENO
#define READY_MS     2000
#define SMAPS_MAX    (16u << 10) /* of a program with three mappings and what the kernel adds */

/* mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); write(READY_FD, LOAD_ADDRESS, 1); ppoll(); exit() */
#if defined(__x86_64__)
#define MACHINE EM_X86_64
static const unsigned char code[] = {
	0x31, 0xff,			    /* xor %edi, %edi */
	0xbe, 0x00, 0x10, 0x00, 0x00,	    /* mov $4096, %esi */
	0xba, 0x03, 0x00, 0x00, 0x00,	    /* mov $3, %edx */
	0x41, 0xba, 0x22, 0x00, 0x00, 0x00, /* mov $0x22, %r10d */
	0x49, 0x83, 0xc8, 0xff,		    /* or $-1, %r8 */
	0x45, 0x31, 0xc9,		    /* xor %r9d, %r9d */
	0xb8, 0x09, 0x00, 0x00, 0x00,	    /* mov $SYS_mmap, %eax */
	0x0f, 0x05,			    /* syscall */
	0xbf, 0x01, 0x00, 0x00, 0x00,	    /* mov $READY_FD, %edi */
	0xbe, 0x00, 0x00, 0x40, 0x00,	    /* mov $LOAD_ADDRESS, %esi */
	0xba, 0x01, 0x00, 0x00, 0x00,	    /* mov $1, %edx */
	0xb8, 0x01, 0x00, 0x00, 0x00,	    /* mov $SYS_write, %eax */
	0x0f, 0x05,			    /* syscall */
	0x31, 0xff, 0x31, 0xf6,		    /* xor %edi, %edi; xor %esi, %esi */
	0x31, 0xd2, 0x45, 0x31, 0xd2,	    /* xor %edx, %edx; xor %r10d, %r10d */
	0xb8, 0x0f, 0x01, 0x00, 0x00,	    /* mov $SYS_ppoll, %eax */
	0x0f, 0x05,			    /* syscall */
	0xb8, 0x3c, 0x00, 0x00, 0x00,	    /* mov $SYS_exit, %eax */
	0x0f, 0x05,			    /* syscall */
};
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
static const unsigned code[] = {
	0xd2800000, 0xd2820001,
	0xd2800062, /* mov x0, #0; mov x1, #4096; mov x2, #3 */
	0xd2800443, 0x92800004,
	0xd2800005,		/* mov x3, #0x22; mov x4, #-1; mov x5, #0 */
	0xd2801bc8, 0xd4000001, /* mov x8, #SYS_mmap; svc #0 */
	0xd2800020, 0xd2a00801,
	0xd2800022,		/* mov x0, #READY_FD; mov x1, #LOAD_ADDRESS; mov x2, #1 */
	0xd2800808, 0xd4000001, /* mov x8, #SYS_write; svc #0 */
	0xd2800000, 0xd2800001,
	0xd2800002, /* mov x0, #0; ... */
	0xd2800003, 0xd2800928,
	0xd4000001,		/* mov x3, #0; mov x8, #SYS_ppoll; svc #0 */
	0xd2800ba8, 0xd4000001, /* mov x8, #SYS_exit; svc #0 */
};
#else
#error "no program for this processor"
#endif

struct image {
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	unsigned char code[sizeof(code)];
};

static void make_image(struct image *ret)
{
	*ret = (struct image){
		.header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				       EV_CURRENT},
			   .e_type = ET_EXEC,
			   .e_machine = MACHINE,
			   .e_version = EV_CURRENT,
			   .e_entry = LOAD_ADDRESS + offsetof(struct image, code),
			   .e_phoff = offsetof(struct image, segment),
			   .e_ehsize = sizeof(Elf64_Ehdr),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 1},
		.segment = {.p_type = PT_LOAD,
			    .p_flags = PF_R | PF_X,
			    .p_vaddr = LOAD_ADDRESS,
			    .p_filesz = sizeof(*ret),
			    .p_memsz = sizeof(*ret),
			    .p_align = 0x10000},
	};
	memcpy(ret->code, code, sizeof(code));
}

/* Where vm.memfd_noexec is set, only a file that asks for it can be executed; kernels before it do not know that flag. */
static int make_file(void)
{
	int fd = memfd_create("oci-ksm-probe", MFD_CLOEXEC | MFD_EXEC);

	return fd >= 0 ? fd : memfd_create("oci-ksm-probe", MFD_CLOEXEC);
}

/* No new privileges: what root's programs gain by exec would hide their memory from who lacks it. */
static _Noreturn void execute(int ready)
{
	char *const argv[] = {(char[]){"probe"}, NULL}, *const envp[] = {NULL};
	struct image image;
	int fd = make_file();

	make_image(&image);
	if (fd >= 0 && write(fd, &image, sizeof(image)) == (ssize_t)sizeof(image) &&
	    dup2(ready, READY_FD) == READY_FD &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) == 0 && probe_set_memory_merge())
		syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
	_exit(PROBE_UNSURE);
}

/* Is there an anonymous mapping without a name, and does it have the mark "mg"? */
static bool has_marked_mapping(char *smaps)
{
	bool anonymous = false;
	char *rest = smaps, *line;

	while ((line = strsep(&rest, "\n"))) {
		size_t len = strlen(line);

		/* "7f12-7f13 rw-p 00000000 00:00 0 ", with a name after it where there is one. */
		if (strspn(line, "0123456789abcdef") > 0 && strchr(line, '-'))
			anonymous = strstr(line, " 00:00 0") && !strpbrk(line, "[/");
		else if (anonymous && len > 8 && strncmp(line, "VmFlags:", 8) == 0 &&
			 strstr(line, " mg"))
			return true;
	}
	return false;
}

/* 0 if the program's memory is marked, 1 if not, or PROBE_UNSURE. */
static int look_at(pid_t program, int ready)
{
	struct pollfd p = {.fd = ready, .events = POLLIN};
	char path[64], smaps[SMAPS_MAX], byte;
	size_t len = 0;
	ssize_t n = 1;
	int fd;

	if (poll(&p, 1, READY_MS) != 1 || read(ready, &byte, 1) != 1)
		return PROBE_UNSURE;
	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)program);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return PROBE_UNSURE;
	while (n > 0 && len < sizeof(smaps) - 1) {
		n = read(fd, smaps + len, sizeof(smaps) - 1 - len);
		if (n < 0)
			return PROBE_UNSURE;
		len += (size_t)n;
	}
	smaps[len] = '\0';
	return has_marked_mapping(smaps) ? 0 : 1;
}

/* By a child of the child: the end of a process that has executed something is told with SIGCHLD. */
bool probe_try_exec_inherit(void)
{
	int fds[2], found;
	pid_t program;

	if (!probe_set_memory_merge())
		return false;
	if (pipe2(fds, O_CLOEXEC) < 0)
		_exit(PROBE_UNSURE);
	program = probe_fork_again();
	if (program == 0)
		execute(fds[1]);
	close(fds[1]);
	found = look_at(program, fds[0]);
	kill(program, SIGKILL);
	(void)probe_wait(program);
	if (found == PROBE_UNSURE)
		_exit(PROBE_UNSURE);
	return found == 0;
}
