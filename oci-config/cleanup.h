/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cleanup attributes: local variables that own something and release it at the end of their scope.
 */
#ifndef OCI_CONFIG_CLEANUP_H
#define OCI_CONFIG_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Initialise every variable that has one of these where it is declared: NULL, or -1 for a
 * descriptor. Releasing never changes errno, so `return error_set(err, errno, ...)` is safe
 * whatever is in scope. To hand over: `*ret = steal_pointer(&text);`. json_object: cleanup_json in
 * oci-config/json.h.
 */
#define cleanup_free  __attribute__((cleanup(cleanup_free_at)))
#define cleanup_close __attribute__((cleanup(cleanup_close_at)))
#define cleanup_file  __attribute__((cleanup(cleanup_file_at)))
#define cleanup_dir   __attribute__((cleanup(cleanup_dir_at)))

#define steal_pointer(pointer)                         \
	({                                             \
		__typeof__(pointer) from_ = (pointer); \
		__typeof__(*from_) stolen_ = *from_;   \
		*from_ = NULL;                         \
		stolen_;                               \
	})

static inline int steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

/* memcpy: the variable is a pointer to anything, which `void **` may not alias. */
static inline void cleanup_free_at(void *variable)
{
	int saved = errno;
	void *pointer;

	memcpy(&pointer, variable, sizeof(pointer));
	free(pointer);
	errno = saved;
}

static inline void cleanup_close_at(const int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

static inline void cleanup_file_at(FILE **file)
{
	int saved = errno;

	if (*file)
		fclose(*file);
	errno = saved;
}

static inline void cleanup_dir_at(DIR **dir)
{
	int saved = errno;

	if (*dir)
		closedir(*dir);
	errno = saved;
}

#endif
