/* SPDX-License-Identifier: Apache-2.0 */
/* oci-ksm-hook: OCI hook that makes the memory of a container mergeable. */
#include <stdio.h>
#include <string.h>

#include "hook/common/container.h"
#include "hook/common/log.h"
#include "hook/stages/input.h"
#include "hook/stages/stages.h"

static const struct {
	const char *name;
	int (*run)(void);
} stages[] = {
	{"prestart", stage_prestart},
	{"createRuntime", stage_prestart},
	{"precreate", stage_precreate},
	{"poststop", stage_poststop},
};

static int usage(void)
{
	fputs("Usage: " STAGES_PROGRAM " <stage>\n"
	      "\n"
	      "OCI hook that makes the memory of containers mergeable by KSM. Started by podman, "
	      "CRI-O,\n"
	      "crun or runc; what containers ask for stands in their annotations "
	      "(oci-ksm/mode=...).\n"
	      "\n"
	      "Stages:\n"
	      " prestart, createRuntime  place the preload shim, or make the container's init\n"
	      "                          mergeable as a whole (state on stdin)\n"
	      " precreate                podman: edit config.json from stdin to stdout\n"
	      " poststop                 take away what was left in the image (state on stdin)\n"
	      "\n"
	      "Options:\n"
	      "     --help               this text\n"
	      "     --version            the version\n",
	      stdout);
	return 0;
}

/* A hook that fails stops the container, so a stage that is not ours is none of our business. */
static int unknown_stage(const char *name)
{
	struct container c;
	struct ocfg_oci_state state = {0};

	container_init(&c, STAGES_PROGRAM);
	if (input_state(&state, NULL) == 0)
		log_container(state.id);
	log_line(LOG_LEVEL_ERROR,
		 "unknown stage %s, ignoring; the stages are prestart, createRuntime, precreate "
		 "and poststop",
		 name);
	ocfg_oci_state_done(&state);
	container_done(&c);
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = argc == 2 ? argv[1] : "";

	if (!strcmp(name, "--help"))
		return usage();
	if (!strcmp(name, "--version"))
		return puts(STAGES_PROGRAM " " OCI_KSM_VERSION) < 0;
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		if (!strcmp(name, stages[i].name))
			return stages[i].run();
	if (name[0] != '\0' && name[0] != '-')
		return unknown_stage(name);
	fputs(STAGES_PROGRAM ": one stage is expected\n"
			     "Try '" STAGES_PROGRAM " --help' for more information.\n",
	      stderr);
	return 2;
}
