/* SPDX-License-Identifier: Apache-2.0 */
/* The small grammars: sizes, lists of modes, and LD_PRELOAD lists, one a line. */
#include "oci-config/annotations.h"
#include "oci-config/env.h"
#include "oci-config/mode.h"
#include "tests/fuzz/fuzz.h"

#define NAME  "LD_PRELOAD"
#define ENTRY "/dev/oci-ksm/libksm_preload.so"

static void check_size(const char *text)
{
	struct error err = {0};
	size_t size = 0, again = 0;
	char printed[32];

	if (must_explain(ocfg_size_parse(text, &size, &err), &err) < 0)
		return;
	snprintf(printed, sizeof(printed), "%zu", size);
	must(ocfg_size_parse(printed, &again, &err) == 0 && again == size);
}

static void check_modes(const char *text)
{
	struct error err = {0};
	unsigned modes = 0, again = 0;
	char printed[64];

	if (must_explain(ocfg_mode_parse(text, &modes, &err), &err) < 0)
		return;
	ocfg_mode_format(modes, printed, sizeof(printed));
	must(ocfg_mode_parse(printed, &again, &err) == 0 && again == modes);
}

/* Each line an element of the environment: adding, adding again and removing gives the original. */
static void check_env(char *text)
{
	cleanup_json json_object *env = json_object_new_array();
	cleanup_free char *original = NULL;
	cleanup_free char *added = NULL;
	cleanup_free char *twice = NULL;
	cleanup_free char *removed = NULL;
	struct error err = {0};
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n")))
		must(ocfg_json_append(env, json_object_new_string(line), &err) == 0);
	if (ocfg_env_list_has(env, NAME, ENTRY))
		return;
	original = text_of(env);
	must(ocfg_env_list_add(env, NAME, ENTRY, &err) == 0);
	must(ocfg_env_list_has(env, NAME, ENTRY));
	added = text_of(env);
	must(ocfg_env_list_add(env, NAME, ENTRY, &err) == 0);
	twice = text_of(env);
	must(strcmp(added, twice) == 0);
	must(ocfg_env_list_remove(env, NAME, ENTRY, &err) == 0);
	removed = text_of(env);
	must(strcmp(original, removed) == 0);
	must(ocfg_env_set(env, NAME, "x", &err) == 0);
	must(strcmp(ocfg_env_get(env, NAME), "x") == 0);
	must(ocfg_env_unset(env, NAME, &err) == 0 && !ocfg_env_get(env, NAME));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = string_of(data, size);

	check_size(text);
	check_modes(text);
	check_env(text);
	return 0;
}
