/* SPDX-License-Identifier: Apache-2.0 */
/* Every function that the shim wraps, going right and going wrong: results and errno, printed. */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define SHOW(what, good)                                                         \
	do {                                                                     \
		errno = 77;                                                      \
		int good_ = (good) ? 1 : 0;                                      \
		printf("%s: %s, errno %d\n", what, good_ ? "yes" : "no", errno); \
	} while (0)

/* Not known at compile time, or the compiler would answer. */
static volatile size_t huge = SIZE_MAX / 2, zero, one = 1, big = 5 << 20;
static volatile int bad_fd = -1;

static void heap(void)
{
	void *p = NULL;

	for (int i = 0; i < 5; i++) { /* some of them are looked at */
		SHOW("malloc", malloc(big));
		SHOW("calloc", calloc(big, one));
		SHOW("realloc", realloc(NULL, big));
		SHOW("posix_memalign", posix_memalign(&p, 64, big) == 0);
		SHOW("aligned_alloc", aligned_alloc(64, big));
		SHOW("memalign", memalign(64, big));
		SHOW("valloc", valloc(big));
	}
	SHOW("malloc 0", malloc(zero));
	SHOW("malloc too much", malloc(huge));
	SHOW("malloc max", malloc(huge * 2 + one));
	SHOW("calloc too much", calloc(huge, 8));
	SHOW("calloc max", calloc(huge * 2 + one, huge));
	SHOW("realloc too much", realloc(NULL, huge));
	SHOW("posix_memalign bad", posix_memalign(&p, 3, 8) == EINVAL);
	SHOW("posix_memalign too much", posix_memalign(&p, 64, huge) == ENOMEM);
	SHOW("aligned_alloc too much", aligned_alloc(64, huge));
}

static void mappings(void)
{
	char *p = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	SHOW("mmap",
	     mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	SHOW("mmap stack", mmap(NULL, 65536, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0) != MAP_FAILED);
	SHOW("mmap shared",
	     mmap(NULL, 65536, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	SHOW("mmap bad fd", mmap(NULL, 65536, PROT_READ, MAP_PRIVATE, bad_fd, 0) != MAP_FAILED);
	SHOW("mmap nothing",
	     mmap(NULL, zero, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	SHOW("mmap too much",
	     mmap(NULL, huge, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	SHOW("mremap", mremap(p, 8 << 20, 16 << 20, MREMAP_MAYMOVE) != MAP_FAILED);
	SHOW("mremap bad", mremap((void *)1, 4096, 8192, 0) != MAP_FAILED);
	SHOW("mlock", mlock((void *)&huge, 8) == 0);
	SHOW("mlock bad", mlock((void *)4096, 4096) == 0);
	SHOW("munlock", munlock((void *)&huge, 8) == 0);
	SHOW("mlockall bad", mlockall(1 << 20) == 0);
	SHOW("madvise", madvise(mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
				65536, MADV_DONTDUMP) == 0);
	SHOW("madvise bad", madvise((void *)1, 4096, MADV_DONTNEED) == 0);
	SHOW("prctl", prctl(PR_SET_NAME, "renamed", 0, 0, 0) == 0);
	SHOW("prctl bad", prctl(-1, 0, 0, 0, 0) == 0);
	SHOW("sbrk", sbrk(1 << 20) != (void *)-1);
	SHOW("sbrk 0", sbrk(0) != (void *)-1);
	SHOW("sbrk back", sbrk(-4096) != (void *)-1);
	SHOW("brk same", brk(sbrk(0)) == 0);
	SHOW("brk bad", brk((void *)1) == 0);
}

int main(void)
{
	heap();
	mappings();
	return 0;
}
