/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of an OCI runtime. */
#include "hook/runtime/args.h"

#include <stddef.h>
#include <string.h>

/*
 * The options that take a value, of crun and runc alike, and the flags that matter here. Any other
 * option is taken for a flag: it would have to come before the command to be misunderstood, and
 * then no command is found, and nothing is done.
 */
struct option {
	const char *name;
	char letter; /* short form, '\0' if there is none */
	bool is_flag;
	size_t offset; /* of the member of struct args, IGNORED if nobody wants the value */
};

#define IGNORED	       ((size_t)-1)
#define MEMBER(member) offsetof(struct args, member)

static const struct option global_options[] = {
	{"log", '\0', false, MEMBER(log)},	  {"log-format", '\0', false, MEMBER(log_format)},
	{"log-level", '\0', false, IGNORED},	  {"root", '\0', false, IGNORED},
	{"rootless", '\0', false, IGNORED},	  {"criu", '\0', false, IGNORED},
	{"cgroup-manager", '\0', false, IGNORED}, {NULL, '\0', false, IGNORED},
};

static const struct option create_options[] = {
	{"bundle", 'b', false, MEMBER(bundle)},	     {"config", 'f', false, MEMBER(config)},
	{"pid-file", '\0', false, MEMBER(pid_file)}, {"console-socket", '\0', false, IGNORED},
	{"preserve-fds", '\0', false, IGNORED},	     {NULL, '\0', false, IGNORED},
};

static const struct option exec_options[] = {
	{"process", 'p', false, MEMBER(process)},
	{"console-socket", '\0', false, IGNORED},
	{"pid-file", '\0', false, IGNORED},
	{"preserve-fds", '\0', false, IGNORED},
	{"cwd", '\0', false, IGNORED},
	{"user", 'u', false, IGNORED},
	{"additional-gids", 'g', false, IGNORED},
	{"env", 'e', false, IGNORED},
	{"cap", 'c', false, IGNORED},
	{"process-label", '\0', false, IGNORED},
	{"apparmor", '\0', false, IGNORED},
	{"cgroup", '\0', false, IGNORED},
	{NULL, '\0', false, IGNORED},
};

static const struct option delete_options[] = {
	{"force", 'f', true, MEMBER(force)},
	{NULL, '\0', false, IGNORED},
};

static const struct {
	const char *name;
	enum args_command command;
	const struct option *options;
} commands[] = {
	{"create", ARGS_CREATE, create_options},
	{"run", ARGS_RUN, create_options},
	{"exec", ARGS_EXEC, exec_options},
	{"delete", ARGS_DELETE, delete_options},
};

static void store(struct args *args, const struct option *option, const char *value)
{
	char *member = (char *)args + option->offset;

	if (option->offset == IGNORED)
		return;
	if (option->is_flag)
		*(bool *)(void *)member = true;
	else
		*(const char **)(void *)member = value;
}

/*
 * The option that `text` (without dashes) names; *ret_value: what follows the name, NULL if nothing
 * does.
 */
static const struct option *find(const struct option *options, const char *text, bool is_long,
				 const char **ret_value)
{
	size_t len = strcspn(text, "=");

	*ret_value = text[len] == '=' ? text + len + 1 : NULL;
	for (const struct option *o = options; o->name; o++)
		if (strlen(o->name) == len && !memcmp(o->name, text, len))
			return o;
	if (is_long)
		return NULL;
	/* "-b V", "-bV" (getopt) and "-b=V" (Go) */
	for (const struct option *o = options; o->name; o++) {
		if (o->letter == '\0' || o->letter != text[0])
			continue;
		if (text[1] != '\0')
			*ret_value = text[1] == '=' ? text + 2 : text + 1;
		return o;
	}
	return NULL;
}

/*
 * Takes the option argv[i], with its value if that is an argument of its own. Returns the index
 * after it.
 */
static int take_option(int argc, char *const *argv, int i, const struct option *options,
		       struct args *args)
{
	bool is_long = argv[i][1] == '-';
	const char *value;
	const struct option *option = find(options, argv[i] + (is_long ? 2 : 1), is_long, &value);

	if (!option)
		return i + 1;
	if (option->is_flag || value) {
		store(args, option, value);
		return i + 1;
	}
	if (i + 1 < argc)
		store(args, option, argv[i + 1]);
	return i + 2;
}

static bool is_option(const char *arg)
{
	return arg[0] == '-' && arg[1] != '\0' && strcmp(arg, "--") != 0;
}

/*
 * The arguments of a command. Those of exec end at the container's name, because its command
 * follows.
 */
static void parse_command(int argc, char *const *argv, int i, const struct option *options,
			  struct args *args)
{
	bool only_names = false;

	while (i < argc) {
		if (!only_names && is_option(argv[i])) {
			i = take_option(argc, argv, i, options, args);
			continue;
		}
		if (!only_names && !strcmp(argv[i], "--")) {
			only_names = true;
		} else if (!args->id) {
			args->id = argv[i];
			if (args->command == ARGS_EXEC)
				return;
		}
		i++;
	}
}

void args_parse(int argc, char *const *argv, struct args *ret)
{
	int i = 1;

	*ret = (struct args){.command = ARGS_OTHER};
	while (i < argc && is_option(argv[i]))
		i = take_option(argc, argv, i, global_options, ret);
	if (i >= argc)
		return;
	for (size_t n = 0; n < sizeof(commands) / sizeof(commands[0]); n++) {
		if (strcmp(argv[i], commands[n].name) != 0)
			continue;
		ret->command = commands[n].command;
		parse_command(argc, argv, i + 1, commands[n].options, ret);
		return;
	}
}
