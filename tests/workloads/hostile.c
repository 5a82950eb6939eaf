/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile: programs that are up to something while their memory is to be marked. All go on until they are killed, but the first.
 *   hostile filter SECONDS    calls what its own filter forbids, all the time; prints how often it was executed
 *   hostile hang              has put memory in place of its vDSO that is never there (userfaultfd)
 *   hostile deaf COUNT        so many processes have a thread that never comes out of the kernel (the same)
 *   hostile regions COUNT     so many processes map 60,000 regions each, and unmap them again, and again
 *   hostile stopped COUNT     so many processes have mapped them, and stopped
 *   hostile flicker           its memory is there and gone again, till somebody else waits for it: then it never comes back
 *   hostile library FOLDER    has a library mapped that is called as ours; the file system below FOLDER never gives its content (FUSE)
 *   hostile sandbox           is not up to anything: it only has a filter, and maps memory that nobody notifies of
 *   hostile strict            its own filter kills it for any call that marking makes, and for being stopped
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/fuse.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define VDSO_MAX     16384
#define FORBIDDEN    SYS_getppid
#define SANDBOX_SIZE (64 << 20)
#define FLICKER_SIZE (16 << 20)
#define REGIONS	     30000 /* and as many that must not be marked between them */

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Not libc's: it may need the vDSO. */
static void pause_ms(long ms)
{
	struct timespec pause = {ms / 1000, ms % 1000 * 1000000};

	syscall(SYS_nanosleep, &pause, NULL);
}

static char *map(size_t size)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		fail("mmap");
	return memory;
}

/* Is looked at, all the time. */
static void *keep_mapping(void *ignored)
{
	for (;;) {
		char *memory = map(1 << 20);

		memory[0] = 1;
		pause_ms(12);
		munmap(memory, 1 << 20);
	}
	return ignored;
}

static void filter_calls(const long *numbers, size_t count, unsigned answer)
{
	struct sock_filter filter[16] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog program = {.len = (unsigned short)(count + 3), .filter = filter};

	for (size_t i = 0; i < count; i++)
		filter[i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							     (unsigned)numbers[i],
							     (unsigned char)(count - i), 0);
	filter[count + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	filter[count + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answer);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		fail("seccomp");
}

static void forbid(long number)
{
	filter_calls(&number, 1, SECCOMP_RET_ERRNO | ENOTTY);
}

static void use_filter(int seconds)
{
	time_t end = time(NULL) + seconds;
	unsigned long executed = 0;
	pthread_t mapper;

	forbid(FORBIDDEN);
	if (pthread_create(&mapper, NULL, keep_mapping, NULL))
		fail("pthread_create");
	while (time(NULL) < end)
		for (int i = 0; i < 1000; i++)
			executed += syscall(FORBIDDEN) != -1;
	printf("%lu\n", executed);
}

/* Whoever touches that memory waits, for ever if nobody puts some there. The descriptor tells that somebody does. */
static int withhold(void *memory, size_t size)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {.range = {(unsigned long)memory, size},
					.mode = UFFDIO_REGISTER_MODE_MISSING};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0 || ioctl(fd, UFFDIO_REGISTER, &range) < 0)
		fail("userfaultfd");
	return fd;
}

static void hang(void)
{
	void *vdso = (void *)getauxval(AT_SYSINFO_EHDR);

	munmap(vdso, VDSO_MAX);
	if (mmap(vdso, VDSO_MAX, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != vdso)
		fail("mmap");
	withhold(vdso, VDSO_MAX);
	puts("ready");
	fflush(stdout);
	keep_mapping(NULL);
}

static void flicker(void)
{
	static char pages[FLICKER_SIZE];
	char *memory = map(FLICKER_SIZE);
	struct pollfd poller = {.fd = withhold(memory, FLICKER_SIZE), .events = POLLIN};
	struct uffdio_copy copy = {
		.dst = (unsigned long)memory, .src = (unsigned long)pages, .len = FLICKER_SIZE};

	memset(pages, 1, sizeof(pages));
	puts("ready");
	fflush(stdout);
	do {
		if (ioctl(poller.fd, UFFDIO_COPY, &copy) < 0)
			fail("UFFDIO_COPY");
		pause_ms(1);
		madvise(memory, FLICKER_SIZE, MADV_DONTNEED);
	} while (poll(&poller, 1, 1) == 0);
	puts("held");
	fflush(stdout);
	for (;;)
		pause();
}

static void never_return(void)
{
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	char *memory = map(65536);
	pthread_t mapper;

	withhold(memory, 65536);
	if (pthread_create(&mapper, NULL, keep_mapping, NULL))
		fail("pthread_create");
	(void)!read(zero, memory, 4096);
}

static char *map_regions(void)
{
	const size_t each = 65536;
	char *all = mmap(NULL, REGIONS * 2 * each, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; i < REGIONS; i++)
		if (mmap(all + i * 2 * each, each, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			fail("mmap");
	return all;
}

static void keep_mapping_regions(void)
{
	for (;;) {
		char *all = map_regions();

		pause_ms(300);
		munmap(all, (size_t)REGIONS * 2 * 65536);
	}
}

static void stop(void)
{
	map_regions();
	raise(SIGSTOP);
}

static void in_children(int count, void (*work)(void))
{
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			work();
			_exit(0);
		}
	}
	puts("ready");
	fflush(stdout);
	while (wait(NULL) > 0)
		;
}

/* One answer to the request; 0: none, ever. */
static size_t answer(const struct fuse_in_header *request, void *ret)
{
	static const uint32_t protocol[] = {7, 31};
	static const struct fuse_attr root = {.ino = 1, .mode = S_IFDIR | 0755, .nlink = 2};
	static const struct fuse_attr file = {
		.ino = 2, .mode = S_IFREG | 0755, .nlink = 1, .size = 1 << 20};

	switch (request->opcode) {
	case FUSE_INIT:
		memset(ret, 0, sizeof(struct fuse_init_out));
		memcpy(ret, protocol, sizeof(protocol));
		return sizeof(struct fuse_init_out);
	case FUSE_GETATTR:
		*(struct fuse_attr_out *)ret = (struct fuse_attr_out){
			.attr_valid = 1000, .attr = request->nodeid == 1 ? root : file};
		return sizeof(struct fuse_attr_out);
	case FUSE_LOOKUP:
		*(struct fuse_entry_out *)ret = (struct fuse_entry_out){
			.nodeid = 2, .entry_valid = 1000, .attr_valid = 1000, .attr = file};
		return sizeof(struct fuse_entry_out);
	case FUSE_OPEN:
		*(struct fuse_open_out *)ret = (struct fuse_open_out){0};
		return sizeof(struct fuse_open_out);
	default:
		return 0;
	}
}

static void *serve(void *data)
{
	static _Alignas(8) char request[65536], reply[512];
	int fd = *(int *)data;

	while (read(fd, request, sizeof(request)) > 0) {
		const struct fuse_in_header *in = (const void *)request;
		struct fuse_out_header *out = (void *)reply;
		bool refused = in->opcode == FUSE_FLUSH;
		size_t size = answer(in, out + 1);

		*out = (struct fuse_out_header){.len = (uint32_t)(sizeof(*out) + size),
						.error = refused ? -ENOSYS : 0,
						.unique = in->unique};
		if ((size || refused) && write(fd, reply, out->len) < 0)
			fail("answer");
	}
	return NULL;
}

static void have_library(const char *folder)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC), library;
	char text[512];
	pthread_t server;

	snprintf(text, sizeof(text), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	if (fd < 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("hostile", folder, "fuse", 0, text) < 0 ||
	    pthread_create(&server, NULL, serve, &fd))
		fail("fuse");
	snprintf(text, sizeof(text), "%s/libksm_preload.so", folder);
	library = open(text, O_RDONLY | O_CLOEXEC);
	if (library < 0 || mmap(NULL, 65536, PROT_READ, MAP_PRIVATE, library, 0) == MAP_FAILED)
		fail("library");
	/* Now, as long as somebody answers: at the end nobody would. */
	close(library);
	puts("ready");
	fflush(stdout);
	pthread_join(server, NULL);
}

static void sandbox(void)
{
	forbid(FORBIDDEN);
	map(SANDBOX_SIZE)[0] = 1;
	puts("ready");
	fflush(stdout);
	keep_mapping(NULL);
}

static void be_strict(void)
{
	static const long deadly[] = {SYS_madvise, SYS_process_madvise, SYS_restart_syscall,
				      SYS_prctl};

	filter_calls(deadly, sizeof(deadly) / sizeof(deadly[0]), SECCOMP_RET_KILL_PROCESS);
	map(SANDBOX_SIZE)[0] = 1;
	puts("ready");
	fflush(stdout);
	for (;;)
		pause_ms(999);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int number = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 1;

	if (!strcmp(what, "filter"))
		use_filter(number);
	else if (!strcmp(what, "hang"))
		hang();
	else if (!strcmp(what, "deaf"))
		in_children(number, never_return);
	else if (!strcmp(what, "regions"))
		in_children(number, keep_mapping_regions);
	else if (!strcmp(what, "stopped"))
		in_children(number, stop);
	else if (!strcmp(what, "flicker"))
		flicker();
	else if (!strcmp(what, "library") && argc > 2)
		have_library(argv[2]);
	else if (!strcmp(what, "sandbox"))
		sandbox();
	else if (!strcmp(what, "strict"))
		be_strict();
	else
		return 2;
	return 0;
}
