/* SPDX-License-Identifier: Apache-2.0 */
/* All the records in the folder of state. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook/cli/cli.h"
#include "hook/cli/records.h"
#include "hook/common/alive.h"
#include "oci-config/cleanup.h"

static int append(struct ocfg_record **records, size_t *count, const struct ocfg_record *record)
{
	struct ocfg_record *grown = reallocarray(*records, *count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*records = grown;
	grown[(*count)++] = *record;
	return 0;
}

static int load_one(int dir, const char *id, struct ocfg_record **records, size_t *count)
{
	struct ocfg_record record = {0};
	struct error err = {0};
	int rc = ocfg_record_load(dir, id, &record, &err);

	if (rc == -ENOENT)
		return 0;
	if (rc < 0) {
		cli_warn("record of %s: %s, ignoring it", id, err.msg);
		return 0;
	}
	if (alive_is_left_over(&record))
		(void)ocfg_record_remove(dir, id, NULL);
	else if (append(records, count, &record) == 0)
		return 0;
	else
		rc = -ENOMEM;
	ocfg_record_done(&record);
	return rc;
}

static int compare(const void *a, const void *b)
{
	const struct ocfg_record *left = a, *right = b;

	return strcmp(left->id, right->id);
}

int records_load(int dir, struct ocfg_record **ret, size_t *ret_count, struct error *err)
{
	cleanup_close int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct ocfg_record *records = NULL;
	char id[OCFG_ID_MAX + 1];
	const struct dirent *entry;
	size_t count = 0;
	int rc = 0;

	if (!stream)
		return error_set(err, errno, "open the folder of records");
	(void)steal_fd(&fd);
	while (rc == 0 && (entry = readdir(stream)))
		if (ocfg_id_of_file(entry->d_name, id))
			rc = load_one(dir, id, &records, &count);
	if (rc < 0) {
		records_free(records, count);
		return error_set(err, -rc, "load records");
	}
	if (count)
		qsort(records, count, sizeof(*records), compare);
	*ret = records;
	*ret_count = count;
	return 0;
}

void records_free(struct ocfg_record *records, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ocfg_record_done(&records[i]);
	free(records);
}

void records_prune(int dir)
{
	struct ocfg_record *records = NULL;
	size_t count = 0;

	if (records_load(dir, &records, &count, NULL) == 0)
		records_free(records, count);
}
