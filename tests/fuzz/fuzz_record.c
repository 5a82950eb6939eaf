/* SPDX-License-Identifier: Apache-2.0 */
/* Records: whatever is in the file; what can be loaded is saved and loaded again the same. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "oci-config/file.h"
#include "oci-config/state.h"
#include "tests/fuzz/fuzz.h"

#define ID   "c"
#define NAME ID ".json"

/* In memory: a file is written for each input. */
static char path[] = "/dev/shm/oci-ksm-fuzz.XXXXXX";

static void remove_folder(void)
{
	char name[sizeof(path) + sizeof(NAME)];

	snprintf(name, sizeof(name), "%s/" NAME, path);
	unlink(name);
	rmdir(path);
}

static int open_folder(void)
{
	int dir;

	must(mkdtemp(path));
	must(atexit(remove_folder) == 0);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(dir >= 0);
	return dir;
}

static char *save(int dir, const struct ocfg_record *record)
{
	struct error err = {0};
	char *text = NULL;
	size_t len = 0;

	must(ocfg_record_save(dir, record, &err) == 0);
	must(ocfg_file_read(dir, NAME, OCFG_FILE_MAX, &text, &len, &err) == 0);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int dir = -1;
	struct ocfg_record record;
	cleanup_free char *once = NULL;
	cleanup_free char *twice = NULL;
	struct error err = {0};

	if (dir < 0)
		dir = open_folder();
	must(ocfg_file_replace(dir, NAME, (const char *)data, size, &err) == 0);
	if (must_explain(ocfg_record_load(dir, ID, &record, &err), &err) < 0)
		return 0;
	once = save(dir, &record);
	ocfg_record_done(&record);
	must(ocfg_record_load(dir, ID, &record, &err) == 0);
	twice = save(dir, &record);
	must(strcmp(once, twice) == 0);
	ocfg_record_done(&record);
	return 0;
}
