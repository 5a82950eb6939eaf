/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that forbid themselves, on pain of death, what they will not need: and then use memory in every way. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Nothing below makes these calls: only who does more than the program would. */
static struct sock_filter filter[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 4, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 3, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 2, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};
static struct sock_fprog program = {sizeof(filter) / sizeof(*filter), filter};

static int by_prctl(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int by_seccomp(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0;
}

static int use_memory(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS, rw = PROT_READ | PROT_WRITE;
	char *map = mmap(NULL, 1 << 20, rw, flags, -1, 0);
	char *reserved = mmap(NULL, 2ul << 30, PROT_NONE, flags | MAP_NORESERVE, -1, 0);
	int bad = map == MAP_FAILED || reserved == MAP_FAILED || mprotect(reserved, 1 << 20, rw) ||
		  mlock(reserved, 4096) ||
		  mremap(map, 1 << 20, 2 << 20, MREMAP_MAYMOVE) == MAP_FAILED;

	for (size_t i = 0; i < 300; i++)
		bad |= !malloc(i * 1000);
	return bad;
}

/* Only read, write and exit are left: the heap that is there must do. */
static int strict(void)
{
	int bad = prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);

	for (int i = 0; i < 1000; i++)
		bad |= !malloc(100);
	return bad;
}

static void show(const char *name, int (*enter)(void), int (*use)(void))
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		syscall(SYS_exit, (enter && enter()) || use());
	waitpid(pid, &status, 0);
	printf("%s: status %d\n", name, status);
}

int main(void)
{
	free(malloc(1)); /* a heap of 128 KiB */
	show("prctl", by_prctl, use_memory);
	show("seccomp", by_seccomp, use_memory);
	show("strict", NULL, strict);
	return 0;
}
