/* SPDX-License-Identifier: Apache-2.0 */
/* How enable and disable say what they have done. */
#include "hook/cli/switch_print.h"

#include <errno.h>
#include <stdio.h>

#include "hook/cli/cli.h"
#include "hook/cli/table.h"
#include "hook/common/escape.h"

#define NAME_LEN 1024 /* that is shown */

static const char *size_text(uint64_t bytes, char *buf, size_t size)
{
	return table_size_format((int64_t)bytes, buf, size);
}

static const char *plural(size_t count)
{
	return count == 1 ? "process" : "processes";
}

void switch_sentence(const struct switch_outcome *outcome, char *buf, size_t size)
{
	const struct mark_result *result = &outcome->result;
	char bytes[16], merged[16];
	size_t regions = result->processes - result->whole;

	size_text(result->bytes, bytes, sizeof(bytes));
	size_text(result->merged, merged, sizeof(merged));
	if (outcome->err.code)
		snprintf(buf, size, "%s", outcome->err.msg);
	else if (outcome->on)
		snprintf(buf, size, "merging on: %zu %s (%zu newly), %s of anonymous memory, %s",
			 result->processes, plural(result->processes), result->changed, bytes,
			 regions ? "region by region" : "whole processes");
	else
		snprintf(buf, size, "merging off: %zu %s, %s separate again, %s merged still",
			 result->processes, plural(result->processes), bytes, merged);
}

static void tell_left_alone(const struct switch_outcome *outcome)
{
	const struct mark_result *result = &outcome->result;

	for (int i = 0; i < MARK_REASONS; i++)
		if (result->left_alone[i])
			cli_warn("%s: %zu %s left alone: %s (%d)", outcome->target->name,
				 result->left_alone[i], plural(result->left_alone[i]),
				 mark_reason_text((enum mark_reason)i), result->example[i]);
	if (result->left_alone[MARK_FILTERED] && outcome->filters_err.code)
		cli_warn("%s: of these filters: %s", outcome->target->name,
			 outcome->filters_err.msg);
}

void switch_tell(const struct switch_outcome *outcome)
{
	const struct mark_result *result = &outcome->result;
	char text[ERROR_SIZE + 256], bytes[16], merged[16], name[ESCAPED_SIZE(NAME_LEN)];

	tell_left_alone(outcome);
	if (!outcome->err.code) {
		switch_sentence(outcome, text, sizeof(text));
		printf("%s: %s\n", escape(outcome->target->name, name, sizeof(name)), text);
		return;
	}
	cli_warn("%s: %s", outcome->target->name, outcome->err.msg);
	if (!outcome->on && outcome->err.code == ENOMEM)
		cli_warn("%s: %s are merged still and stay so (%s are separate again). It goes on "
			 "unharmed; when there is room, repeat 'oci-ksm disable %s'",
			 outcome->target->name, size_text(result->merged, merged, sizeof(merged)),
			 size_text(result->bytes, bytes, sizeof(bytes)), outcome->target->name);
}

static int add_size(json_object *object, const char *key, uint64_t number, struct error *err)
{
	return ocfg_json_add(object, key, json_object_new_uint64(number), err);
}

static int add_left_alone(json_object *object, const struct mark_result *result, struct error *err)
{
	static const char *const keys[] = {
		[MARK_TRACED] = "traced",
		[MARK_32BIT] = "other_architecture",
		[MARK_NOT_ALLOWED] = "not_allowed",
		[MARK_FILTERED] = "filtered",
		[MARK_STUCK] = "stuck",
		[MARK_REFUSED] = "refused",
	};
	json_object *reasons = json_object_new_object();
	int rc = ocfg_json_add(object, "left_alone", reasons, err);

	for (int i = 0; rc == 0 && i < MARK_REASONS; i++)
		rc = add_size(reasons, keys[i], result->left_alone[i], err);
	return rc;
}

static int fill(json_object *object, const struct switch_outcome *outcome, struct error *err)
{
	const struct mark_result *result = &outcome->result;
	bool failed = outcome->err.code;
	int rc = ocfg_json_add(object, "container", json_object_new_string(outcome->target->name),
			       err);

	if (rc == 0)
		rc = ocfg_json_add(object, "merging",
				   json_object_new_boolean(outcome->on != failed), err);
	if (rc == 0)
		rc = add_size(object, "processes", result->processes, err);
	if (rc == 0)
		rc = add_size(object, "changed", result->changed, err);
	if (rc == 0)
		rc = add_size(object, "whole", result->whole, err);
	if (rc == 0)
		rc = add_size(object, outcome->on ? "anonymous" : "separated", result->bytes, err);
	if (rc == 0 && !outcome->on)
		rc = add_size(object, "merged", result->merged, err);
	if (rc == 0)
		rc = add_left_alone(object, result, err);
	if (rc == 0 && failed)
		rc = ocfg_json_add(object, "error", json_object_new_string(outcome->err.msg), err);
	return rc;
}

int switch_json(const struct switch_outcome *outcome, json_object **ret, struct error *err)
{
	cleanup_json json_object *object = json_object_new_object();
	int rc = object ? fill(object, outcome, err) : error_set(err, ENOMEM, "JSON");

	if (rc == 0)
		*ret = steal_pointer(&object);
	return rc;
}

void switch_progress(const struct mark_progress *progress, void *name)
{
	char merged[16], shown[41];

	fprintf(stderr, "\r  %s: %zu of %zu processes", escape(name, shown, sizeof(shown)),
		progress->processes, progress->of);
	if (progress->merged)
		fprintf(stderr, ", %s merged still",
			size_text(progress->merged, merged, sizeof(merged)));
	fputs(" \x1b[K", stderr);
}

void switch_progress_end(void)
{
	fputs("\r\x1b[K", stderr);
}
