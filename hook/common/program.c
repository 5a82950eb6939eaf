/* SPDX-License-Identifier: Apache-2.0 */
/* How the program of a container is linked: found as a runtime finds it, and read from the header of its file. */
#include "hook/common/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hook/common/paths.h"
#include "oci-config/cleanup.h"
#include "oci-config/env.h"
#include "oci-config/json.h"
#include "oci-config/mounts.h"

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#error "what programs does this processor run?"
#endif

#define HEAD_SIZE    256	     /* so much of a script the kernel looks at */
#define HEADERS_MAX  64		     /* programs have about a dozen */
#define SCRIPTS_MAX  4		     /* of scripts that interpret scripts */
#define FOLDERS_MAX  64		     /* of PATH */
#define DEFAULT_PATH "/bin:/usr/bin" /* of execvp */

struct search {
	const struct rootfs *root;
	const struct ocfg_spec *spec;
	const char *cwd;
	char prefix[PATH_MAX]; /* the root's own path, "" for "/" */
};

/* Is the path, or the one that its links lead to, below a mount of config.json? */
static bool is_hidden(const struct search *s, const char *path, int fd)
{
	size_t len = strlen(s->prefix);
	char real[PATH_MAX];

	if (!s->spec)
		return false;
	if (ocfg_mounts_covers(s->spec, path))
		return true;
	if (fd < 0)
		return false;
	return paths_of_fd(fd, real, sizeof(real), NULL) < 0 ||
	       strncmp(real, s->prefix, len) != 0 || real[len] != '/' ||
	       ocfg_mounts_covers(s->spec, real + len);
}

/* The path as seen from the root. */
static bool make_absolute(const struct search *s, const char *folder, const char *name, char *buf,
			  size_t size)
{
	int n;

	if (name[0] == '/')
		n = snprintf(buf, size, "%s", name);
	else if (folder[0] == '/')
		n = snprintf(buf, size, "%s/%s", folder, name);
	else
		n = snprintf(buf, size, "%s/%s/%s", s->cwd, folder, name);
	return (size_t)n < size && buf[0] == '/';
}

/* The descriptor of a regular file that is not hidden; -ENOENT if there is no executable one; any other error: nobody knows. */
static int open_program(const struct search *s, const char *path)
{
	cleanup_close int fd = -1;
	struct stat st;

	if (is_hidden(s, path, -1))
		return -EXDEV;
	fd = rootfs_open_file(s->root, path);
	if (fd == -ENOTDIR || fd == -EINVAL || fd == -ELOOP)
		return -ENOENT;
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || is_hidden(s, path, fd))
		return -EXDEV;
	return st.st_mode & 0111 ? steal_fd(&fd) : -ENOENT;
}

/* In the first folder that has it. */
static int open_in_path(const struct search *s, const char *name, const char *path)
{
	const char *folder = path;

	for (int i = 0; i < FOLDERS_MAX; i++) {
		size_t len = strcspn(folder, ":");
		char part[PATH_MAX], full[PATH_MAX];
		int fd = -ENOENT;

		if (len >= sizeof(part))
			return -ENAMETOOLONG;
		memcpy(part, folder, len);
		part[len] = '\0';
		if (make_absolute(s, part, name, full, sizeof(full)))
			fd = open_program(s, full);
		if (fd != -ENOENT)
			return fd;
		if (folder[len] == '\0')
			return -ENOENT;
		folder += len + 1;
	}
	return -E2BIG;
}

static bool read_at(int fd, void *buf, size_t size, uint64_t offset)
{
	return offset <= INT64_MAX - size &&
	       TEMP_FAILURE_RETRY(pread(fd, buf, size, (off_t)offset)) == (ssize_t)size;
}

static enum ocfg_program read_headers(int fd, const Elf64_Ehdr *elf)
{
	Elf64_Phdr headers[HEADERS_MAX];

	if (elf->e_ident[EI_CLASS] != ELFCLASS64 || elf->e_ident[EI_DATA] != ELFDATA2LSB ||
	    elf->e_machine != MACHINE || (elf->e_type != ET_EXEC && elf->e_type != ET_DYN) ||
	    elf->e_phentsize != sizeof(*headers) || elf->e_phnum == 0 ||
	    elf->e_phnum > HEADERS_MAX ||
	    !read_at(fd, headers, elf->e_phnum * sizeof(*headers), elf->e_phoff))
		return OCFG_PROGRAM_UNKNOWN;
	for (size_t i = 0; i < elf->e_phnum; i++)
		if (headers[i].p_type == PT_INTERP)
			return OCFG_PROGRAM_DYNAMIC;
	return OCFG_PROGRAM_STATIC;
}

/* "#! /bin/sh -e\n": cuts the interpreter out of a script's beginning, or NULL. */
static char *interpreter_of(char head[HEAD_SIZE + 1])
{
	char *name = head + 2 + strspn(head + 2, " \t");
	size_t len = strcspn(name, " \t\n");

	/* The kernel refuses a name that does not end in what it looks at; the end of the file does. */
	if (len == 0 || name + len == head + HEAD_SIZE)
		return NULL;
	name[len] = '\0';
	return name;
}

static enum ocfg_program read_program(const struct search *s, int first)
{
	cleanup_close int fd = first;

	for (int scripts = 0; scripts <= SCRIPTS_MAX; scripts++) {
		char head[HEAD_SIZE + 1] = "", path[PATH_MAX];
		ssize_t n = TEMP_FAILURE_RETRY(pread(fd, head, HEAD_SIZE, 0));
		enum ocfg_program kind;
		const char *name;
		Elf64_Ehdr elf;

		if (n >= (ssize_t)sizeof(elf) && memcmp(head, ELFMAG, SELFMAG) == 0) {
			memcpy(&elf, head, sizeof(elf));
			kind = read_headers(fd, &elf);
			return kind == OCFG_PROGRAM_DYNAMIC && scripts ? OCFG_PROGRAM_SCRIPT : kind;
		}
		name = n > 2 && memcmp(head, "#!", 2) == 0 ? interpreter_of(head) : NULL;
		if (!name || !make_absolute(s, s->cwd, name, path, sizeof(path)))
			break;
		close(steal_fd(&fd));
		fd = open_program(s, path);
		if (fd < 0)
			break;
	}
	return OCFG_PROGRAM_UNKNOWN;
}

enum ocfg_program program_find(const struct rootfs *root, const struct ocfg_spec *spec,
			       const char *name, const char *cwd, const char *path)
{
	struct search s = {.root = root, .spec = spec, .cwd = cwd};
	char full[PATH_MAX];
	int fd = -ENOENT;

	if (paths_of_fd(root->fd, s.prefix, sizeof(s.prefix), NULL) < 0)
		return OCFG_PROGRAM_UNKNOWN;
	if (strcmp(s.prefix, "/") == 0)
		s.prefix[0] = '\0';
	if (!strchr(name, '/'))
		fd = path && *name ? open_in_path(&s, name, path) : -ENOENT;
	else if (make_absolute(&s, cwd, name, full, sizeof(full)))
		fd = open_program(&s, full);
	return fd < 0 ? OCFG_PROGRAM_UNKNOWN : read_program(&s, fd);
}

enum ocfg_program program_of_container(const struct ocfg_spec *spec, int bundle)
{
	json_object *process = ocfg_spec_process(spec), *args = NULL, *name, *env = NULL;
	const char *cwd = NULL, *path;
	struct rootfs root = ROOTFS_NONE;
	enum ocfg_program kind = OCFG_PROGRAM_UNKNOWN;

	if (!process || ocfg_json_get_array(process, "args", &args, NULL) < 0 || !args ||
	    ocfg_json_get_array(process, "env", &env, NULL) < 0 ||
	    ocfg_json_get_string(process, "cwd", &cwd, NULL) < 0)
		return kind;
	name = json_object_array_get_idx(args, 0);
	if (!json_object_is_type(name, json_type_string))
		return kind;
	path = ocfg_env_get(env, "PATH");
	if (rootfs_open(bundle, ocfg_spec_root_path(spec), &root, NULL) == 0)
		kind = program_find(&root, spec, json_object_get_string(name),
				    cwd && cwd[0] == '/' ? cwd : "/", path);
	rootfs_done(&root);
	return kind;
}

enum ocfg_program program_of_command(const char *name)
{
	cleanup_close int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct rootfs root = {.fd = fd};
	const char *path = getenv("PATH");
	char cwd[PATH_MAX];

	if (fd < 0 || !getcwd(cwd, sizeof(cwd)) || cwd[0] != '/')
		return OCFG_PROGRAM_UNKNOWN;
	return program_find(&root, NULL, name, cwd, path ? path : DEFAULT_PATH);
}
