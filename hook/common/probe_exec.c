/* SPDX-License-Identifier: Apache-2.0 */
/* Does a program that is executed under PR_SET_MEMORY_MERGE have it, too? Asked by a program of a few bytes, in a memfd. */
#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hook/common/probe_tries.h"

#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67 /* Linux 6.4 */
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x10u /* Linux 6.3 */
#endif
#define LOAD_ADDRESS 0x400000

/* exit(prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0) ^ 1) */
#if defined(__x86_64__)
#define MACHINE EM_X86_64
static const unsigned char code[] = {
	0xbf, 68,   0,	  0,	0,    /* mov $PR_GET_MEMORY_MERGE, %edi */
	0x31, 0xf6, 0x31, 0xd2,	      /* xor %esi, %esi; xor %edx, %edx */
	0x45, 0x31, 0xd2, 0x45, 0x31, /* xor %r10d, %r10d; xor %r8d, %r8d */
	0xc0, 0xb8, 157,  0,	0,    /* mov $SYS_prctl, %eax */
	0,    0x0f, 0x05, 0x89, 0xc7, /* syscall; mov %eax, %edi */
	0x83, 0xf7, 0x01, 0xb8, 60,   /* xor $1, %edi; mov $SYS_exit, %eax */
	0,    0,    0,	  0x0f, 0x05, /* syscall */
};
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
static const unsigned code[] = {
	0xd2800880,					/* mov x0, #PR_GET_MEMORY_MERGE */
	0xd2800001, 0xd2800002, 0xd2800003, 0xd2800004, /* mov x1, #0, ... */
	0xd28014e8,					/* mov x8, #SYS_prctl */
	0xd4000001,					/* svc #0 */
	0x52000000,					/* eor w0, w0, #1 */
	0xd2800ba8,					/* mov x8, #SYS_exit */
	0xd4000001,					/* svc #0 */
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

static void execute(void)
{
	char *const argv[] = {(char[]){"probe"}, NULL}, *const envp[] = {NULL};
	struct image image;
	int fd = make_file();

	make_image(&image);
	if (fd >= 0 && write(fd, &image, sizeof(image)) == (ssize_t)sizeof(image) &&
	    prctl(PR_SET_MEMORY_MERGE, 1UL, 0UL, 0UL, 0UL) == 0)
		syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
	_exit(1);
}

/* By a child of the child: the end of a process that has executed something is told with SIGCHLD. */
bool probe_try_exec_inherit(void)
{
	pid_t child = probe_fork();

	if (child == 0)
		execute();
	return child > 0 && probe_wait(child);
}
