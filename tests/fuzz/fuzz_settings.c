/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: whatever is in the file, each member is read or noted, and what is left is usable. */
#include "oci-config/settings.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ocfg_settings settings;
	struct ocfg_notes notes = {0};
	struct error err = {0};

	if (must_explain(ocfg_settings_parse((const char *)data, size, &settings, &notes, &err),
			 &err) < 0)
		return 0;
	must(settings.runtimes[0] && !settings.runtimes[OCFG_SETTINGS_RUNTIMES]);
	must(!settings.preload_dir || settings.preload_dir[0] == '/');
	must(!settings.state_dir || settings.state_dir[0] == '/');
	must(!settings.log || settings.log[0] != '\0');
	for (unsigned i = 0; i < notes.count && i < OCFG_NOTES_MAX; i++)
		must(notes.text[i][0] != '\0');
	ocfg_settings_done(&settings);
	return 0;
}
