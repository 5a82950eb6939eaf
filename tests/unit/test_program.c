/* SPDX-License-Identifier: Apache-2.0 */
/* hook/common/program: how the container's program is linked, in a root file system that may be hostile. */
#include <elf.h>
#include <sys/stat.h>

#include "hook/common/program.h"
#include "tests/unit/unit.h"

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#define OTHER	EM_AARCH64
#else
#define MACHINE EM_AARCH64
#define OTHER	EM_X86_64
#endif

#define PATH "/bin:/usr/bin"

static const struct folder *folder;
static struct rootfs root;

static void make_file(const char *name, const void *data, size_t len, mode_t mode)
{
	int fd = openat(folder->fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0700);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void make_text(const char *name, const char *text)
{
	make_file(name, text, strlen(text), 0755);
}

struct image {
	Elf64_Ehdr header;
	Elf64_Phdr segments[2];
};

/* With PT_INTERP as the second of its headers, or without. */
static struct image image_of(bool dynamic)
{
	struct image image = {
		.header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				       EV_CURRENT},
			   .e_type = ET_DYN,
			   .e_machine = MACHINE,
			   .e_phoff = offsetof(struct image, segments),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 2},
		.segments = {{.p_type = PT_LOAD}, {.p_type = PT_DYNAMIC}},
	};

	if (dynamic)
		image.segments[1].p_type = PT_INTERP;
	return image;
}

static void make_program(const char *name, bool dynamic)
{
	struct image image = image_of(dynamic);

	make_file(name, &image, sizeof(image), 0755);
}

static int begin(void **state)
{
	static const char *const folders[] = {"bin", "usr", "usr/bin", "usr/local", "app"};

	(void)folder_set_up(state);
	folder = *state;
	for (size_t i = 0; i < COUNT(folders); i++)
		assert_int_equal(mkdirat(folder->fd, folders[i], 0755), 0);
	make_program("bin/static", false);
	make_program("usr/bin/dynamic", true);
	assert_ok(rootfs_open(-1, folder->path, &root, &err));
	return 0;
}

static int end(void **state)
{
	rootfs_done(&root);
	return folder_tear_down(state);
}

static enum ocfg_program find(const char *name)
{
	return program_find(&root, NULL, name, "/app", PATH);
}

static void it_is_found_as_a_runtime_finds_it(void **state)
{
	(void)state;
	make_program("app/here", true);
	make_file("bin/dynamic", "not executable", 14, 0644);
	assert_int_equal(mkdirat(folder->fd, "bin/folder", 0755), 0);
	make_program("usr/bin/folder", false);
	assert_int_equal(find("static"), OCFG_PROGRAM_STATIC);
	assert_int_equal(find("/bin/static"), OCFG_PROGRAM_STATIC);
	assert_int_equal(find("../bin/static"), OCFG_PROGRAM_STATIC);
	assert_int_equal(find("dynamic"), OCFG_PROGRAM_DYNAMIC);
	assert_int_equal(find("folder"), OCFG_PROGRAM_STATIC);
	assert_int_equal(find("./here"), OCFG_PROGRAM_DYNAMIC);
	assert_int_equal(find("here"), OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(program_find(&root, NULL, "here", "/app", "/bin::/usr"),
			 OCFG_PROGRAM_DYNAMIC);
	assert_int_equal(program_find(&root, NULL, "static", "/", NULL), OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(program_find(&root, NULL, "static", "/", ""), OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(find(""), OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(find("/none"), OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(find("/app"), OCFG_PROGRAM_UNKNOWN);
}

static void scripts_are_what_their_interpreter_is(void **state)
{
	char long_name[300] = ""; /* its end is beyond the 256 bytes that the kernel looks at */

	(void)state;
	make_text("app/static", "#!/bin/static -e\nexit 1\n");
	make_text("app/dynamic", "#! \t/usr/bin/dynamic\n");
	make_text("app/again", "#!/app/dynamic x\n");
	make_text("app/relative", "#!../bin/static\n");
	make_text("app/none", "#!/bin/none\n");
	make_text("app/empty", "#!\n/bin/static\n");
	make_text("app/line", "#!/bin/static");
	memset(long_name, '/', sizeof(long_name) - 1);
	long_name[0] = '#';
	long_name[1] = '!';
	snprintf(long_name + 256 - 10, 20, "bin/static\n");
	make_text("app/cut", long_name);
	make_text("app/text", "exit 1\n");
	make_text("app/nothing", "");
	assert_int_equal(find("./static"), OCFG_PROGRAM_STATIC);
	assert_int_equal(find("./dynamic"), OCFG_PROGRAM_SCRIPT);
	assert_int_equal(find("./again"), OCFG_PROGRAM_SCRIPT);
	assert_int_equal(find("./relative"), OCFG_PROGRAM_STATIC);
	assert_int_equal(find("./none"), OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(find("./empty"), OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(find("./line"), OCFG_PROGRAM_STATIC);
	assert_int_equal(find("./cut"), OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(find("./text"), OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(find("./nothing"), OCFG_PROGRAM_UNKNOWN);
}

static void links_lead_nowhere_else(void **state)
{
	char out[4096];

	(void)state;
	snprintf(out, sizeof(out), "%s/bin/static", folder->path);
	assert_int_equal(symlinkat(out, folder->fd, "app/out"), 0);
	assert_int_equal(symlinkat("../../../../../../../../../bin/sh", folder->fd, "app/above"),
			 0);
	assert_int_equal(symlinkat("/usr/bin/dynamic", folder->fd, "app/inside"), 0);
	assert_int_equal(symlinkat("loop", folder->fd, "app/loop"), 0);
	assert_int_equal(symlinkat("/proc/self/exe", folder->fd, "app/magic"), 0);
	make_text("app/self", "#!/app/self\n");
	make_text("app/host", "#!/../../../../../../../bin/sh\n");
	assert_int_equal(find("/app/inside"), OCFG_PROGRAM_DYNAMIC);
	assert_int_equal(find("/app/out"), OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(find("/app/above"), OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(find("/app/loop"), OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(find("/app/magic"), OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(find("/app/self"), OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(find("/app/host"), OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(program_find(&root, NULL, "sh", "/", "/../../../../../../bin"),
			 OCFG_PROGRAM_UNKNOWN);
}

/* Who waits here waits for ever: the test's time limit tells. */
static void nothing_is_waited_for(void **state)
{
	(void)state;
	alarm(10);
	assert_int_equal(mkfifoat(folder->fd, "bin/fifo", 0755), 0);
	make_text("app/fifo", "#!/bin/fifo\n");
	assert_int_equal(find("/bin/fifo"), OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(find("fifo"), OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(find("./fifo"), OCFG_PROGRAM_UNKNOWN);
	/* Only root may make one; the null device in its stead would read as empty. */
	if (geteuid() == 0 && mknodat(folder->fd, "bin/tty", S_IFCHR | 0755, 0x500) == 0)
		assert_int_equal(find("/bin/tty"), OCFG_PROGRAM_UNKNOWN);
	alarm(0);
}

static void oddities_are_unknown(void **state)
{
	static char huge[1u << 20];
	char list[8192];
	struct image image;

	(void)state;
	memset(huge, 'x', sizeof(huge));
	huge[0] = '#';
	huge[1] = '!';
	huge[2] = '/';
	make_file("app/huge", huge, sizeof(huge), 0755);
	assert_int_equal(find("/app/huge"), OCFG_PROGRAM_UNKNOWN);
	memset(list, ':', sizeof(list) - 1);
	list[sizeof(list) - 1] = '\0';
	assert_int_equal(program_find(&root, NULL, "static", "/", list), OCFG_PROGRAM_UNKNOWN);
	memset(list, 'x', sizeof(list) - 1);
	assert_int_equal(program_find(&root, NULL, "static", "/", list), OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(find(list), OCFG_PROGRAM_UNKNOWN);
	for (size_t len = 0; len < sizeof(image); len += 7) {
		image = image_of(true);
		make_file("app/short", &image, len, 0755);
		assert_int_equal(find("./short"), OCFG_PROGRAM_UNKNOWN);
	}
	for (int i = 0; i < 7; i++) {
		image = image_of(true);
		if (i == 0)
			image.header.e_ident[EI_CLASS] = ELFCLASS32;
		else if (i == 1)
			image.header.e_machine = OTHER;
		else if (i == 2)
			image.header.e_phoff = UINT64_MAX - 8;
		else if (i == 3)
			image.header.e_phoff = INT64_MAX;
		else if (i == 4)
			image.header.e_phnum = UINT16_MAX;
		else if (i == 5)
			image.header.e_phnum = 0;
		else
			image.header.e_phentsize = 0;
		make_file("app/odd", &image, sizeof(image), 0755);
		assert_int_equal(find("./odd"), OCFG_PROGRAM_UNKNOWN);
	}
}

static enum ocfg_program of_container(const char *args, const char *path, const char *mount)
{
	char text[8192];
	struct ocfg_spec spec;
	enum ocfg_program kind;

	snprintf(text, sizeof(text),
		 "{\"process\":{\"args\":%s,\"cwd\":\"/app\",\"env\":[\"PATH=%s\"]},"
		 "\"root\":{\"path\":\"%s\"},\"mounts\":[{\"destination\":\"%s\"}]}",
		 args, path, folder->path, mount);
	spec = config_of(text);
	kind = program_of_container(&spec, -1);
	ocfg_spec_done(&spec);
	return kind;
}

static void the_program_of_a_config(void **state)
{
	static const char *const bad[] = {"[]",	    "null",	      "{}",
					  "[null]", "[1,\"static\"]", "\"static\""};

	(void)state;
	assert_int_equal(of_container("[\"static\"]", PATH, "/proc"), OCFG_PROGRAM_STATIC);
	assert_int_equal(of_container("[\"dynamic\",\"-x\"]", PATH, "/dev"), OCFG_PROGRAM_DYNAMIC);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(of_container(bad[i], PATH, "/proc"), OCFG_PROGRAM_UNKNOWN);
}

static void what_a_mount_hides_is_unknown(void **state)
{
	const char *args = "[\"dynamic\"]";

	(void)state;
	assert_int_equal(of_container(args, PATH, "/usr/bin/dynamic"), OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(of_container(args, PATH, "/usr"), OCFG_PROGRAM_UNKNOWN);
	/* It may be in the volume. */
	assert_int_equal(of_container(args, "/usr/local:" PATH, "/usr/local"),
			 OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(of_container(args, PATH, "/usr/local"), OCFG_PROGRAM_DYNAMIC);
	/* By a link. */
	assert_int_equal(symlinkat("../usr/bin/dynamic", folder->fd, "app/link"), 0);
	assert_int_equal(of_container("[\"./link\"]", PATH, "/usr/bin"), OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(of_container("[\"./link\"]", PATH, "/bin"), OCFG_PROGRAM_DYNAMIC);
	make_text("app/script", "#!/usr/bin/dynamic\n");
	assert_int_equal(of_container("[\"./script\"]", PATH, "/usr/bin"), OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(of_container("[\"./script\"]", PATH, "/bin"), OCFG_PROGRAM_SCRIPT);
}

static void real_programs(void **state)
{
	(void)state;
	assert_int_equal(program_of_command("sh"), OCFG_PROGRAM_DYNAMIC);
	assert_int_equal(program_of_command("/proc/self/exe"), OCFG_PROGRAM_UNKNOWN);
	assert_int_equal(program_of_command("no-such-program"), OCFG_PROGRAM_UNKNOWN);
}

#define in_root(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_root(it_is_found_as_a_runtime_finds_it),
		in_root(scripts_are_what_their_interpreter_is),
		in_root(links_lead_nowhere_else),
		in_root(nothing_is_waited_for),
		in_root(oddities_are_unknown),
		in_root(the_program_of_a_config),
		in_root(what_a_mount_hides_is_unknown),
		cmocka_unit_test(real_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
