/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Golden cases: tests/golden/<case>/{in,plan,out}.json. On each: nothing of the original is lost by
 * reading it, apply gives out.json, apply again changes nothing, undo gives the original, and all
 * members keep their place.
 */
#include <ctype.h>
#include <dirent.h>

#include "oci-config/file.h"
#include "oci-config/plan.h"
#include "tests/unit/unit.h"

#define GOLDEN "tests/golden"

struct golden {
	enum ocfg_spec_kind kind;
	json_object *plan_doc; /* what the plan's strings belong to */
	struct ocfg_plan plan;
	struct ocfg_seccomp_edit notify; /* plan.notify */
	char *original;			 /* in.json without white space, as it must be printed */
	char *expected;			 /* out.json */
};

static char *read_case(const char *name, const char *file)
{
	char path[512], *text = NULL;
	size_t len = 0;

	snprintf(path, sizeof(path), GOLDEN "/%s/%s", name, file);
	assert_ok(ocfg_file_read(AT_FDCWD, path, OCFG_FILE_MAX, &text, &len, &err));
	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	return text;
}

/*
 * Takes away the white space between tokens, and the escapes that Go's encoder makes of < > &
 * (\u003c) and that print as the character itself. It knows nothing of numbers: they stay as they
 * are written.
 */
static void minify(char *text)
{
	bool in_string = false;
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (!in_string && isspace((unsigned char)*from))
			continue;
		if (in_string && strncmp(from, "\\u00", 4) == 0) {
			char hex[3] = {from[4], from[5], '\0'};

			*to++ = (char)strtol(hex, NULL, 16);
			from += 5;
			continue;
		}
		if (in_string && *from == '\\')
			*to++ = *from++;
		else if (*from == '"')
			in_string = !in_string;
		*to++ = *from;
	}
	*to = '\0';
}

static void read_notify(json_object *doc, struct ocfg_seccomp_edit *ret)
{
	const char *metadata = NULL;

	assert_ok(ocfg_json_get_string(doc, "metadata", &metadata, &err));
	assert_ok(ocfg_notify_parse(metadata, &ret->notify, &err));
	assert_ok(ocfg_json_get_string(doc, "socket", &ret->socket, &err));
	assert_ok(ocfg_json_get_bool(doc, "wait_killable", &ret->wait_killable, &err));
	assert_ok(ocfg_json_get_bool(doc, "spec_allow", &ret->spec_allow, &err));
}

static void read_plan(struct golden *g, const char *text)
{
	struct ocfg_plan *plan = &g->plan;
	const char *kind = "config";
	json_object *notify = NULL;
	uint64_t min_size = 0;

	g->plan_doc = json_of(text);
	assert_ok(ocfg_json_get_string(g->plan_doc, "kind", &kind, &err));
	g->kind = strcmp(kind, "process") == 0 ? OCFG_SPEC_PROCESS : OCFG_SPEC_CONFIG;
	assert_ok(ocfg_json_get_string(g->plan_doc, "shim_source", &plan->shim_source, &err));
	assert_ok(ocfg_json_get_string(g->plan_doc, "shim_target", &plan->shim_target, &err));
	assert_ok(ocfg_json_get_string(g->plan_doc, "ld_so_preload_source",
				       &plan->ld_so_preload_source, &err));
	assert_ok(ocfg_json_get_string(g->plan_doc, "poststop_hook", &plan->poststop_hook, &err));
	assert_ok(ocfg_json_get_string(g->plan_doc, "hook_env", &plan->hook_env, &err));
	assert_ok(ocfg_json_get_uint64(g->plan_doc, "min_size", &min_size, &err));
	plan->min_size = (size_t)min_size;
	assert_ok(ocfg_json_get_object(g->plan_doc, "notify", &notify, &err));
	if (notify) {
		read_notify(notify, &g->notify);
		plan->notify = &g->notify;
	}
}

/*
 * Do the members of `before` come in `after` in the same order, perhaps with others between them?
 */
static void assert_order_kept(json_object *before, json_object *after)
{
	struct json_object_iterator at = json_object_iter_begin(after);
	struct json_object_iterator end = json_object_iter_end(after);

	json_object_object_foreach(before, key, value)
	{
		json_object *same = NULL;

		while (!json_object_iter_equal(&at, &end) &&
		       strcmp(json_object_iter_peek_name(&at), key) != 0)
			json_object_iter_next(&at);
		assert_false(json_object_iter_equal(&at, &end));
		same = json_object_iter_peek_value(&at);
		if (json_object_is_type(value, json_type_object) &&
		    json_object_is_type(same, json_type_object))
			assert_order_kept(value, same);
		json_object_iter_next(&at);
	}
}

static void check(void **state)
{
	const char *name = *state;
	cleanup_free char *plan_text = read_case(name, "plan.json");
	struct golden g = {.original = read_case(name, "in.json"),
			   .expected = read_case(name, "out.json")};
	struct ocfg_spec original = {.doc = NULL}, spec;

	read_plan(&g, plan_text);
	spec = spec_of(g.kind, g.original);
	original = spec_of(g.kind, g.original);
	minify(g.original);
	assert_prints(spec.doc, g.original);

	assert_ok(ocfg_plan_apply(&g.plan, &spec, &err));
	assert_prints(spec.doc, g.expected);
	assert_order_kept(original.doc, spec.doc);
	assert_ok(ocfg_plan_apply(&g.plan, &spec, &err));
	assert_prints(spec.doc, g.expected);
	assert_ok(ocfg_plan_undo(&g.plan, &spec, &err));
	assert_prints(spec.doc, g.original);

	ocfg_spec_done(&spec);
	spec = spec_of(g.kind, g.expected);
	assert_ok(ocfg_plan_apply(&g.plan, &spec, &err));
	assert_prints(spec.doc, g.expected);
	assert_ok(ocfg_plan_undo(&g.plan, &spec, &err));
	assert_prints(spec.doc, g.original);

	ocfg_spec_done(&spec);
	ocfg_spec_done(&original);
	json_object_put(g.plan_doc);
	free(g.original);
	free(g.expected);
}

static int is_case(const struct dirent *entry)
{
	return entry->d_type == DT_DIR && entry->d_name[0] != '.';
}

/* One test a folder, so that a new case needs no line here. */
int main(void)
{
	struct dirent **cases = NULL;
	struct CMUnitTest *tests = NULL;
	int count = scandir(GOLDEN, &cases, is_case, alphasort), rc = 1;

	if (count > 0)
		tests = calloc((size_t)count, sizeof(*tests));
	if (!tests) {
		fprintf(stderr, "test_golden: no cases in " GOLDEN " (start it at the top)\n");
		return 1;
	}
	for (int i = 0; i < count; i++)
		tests[i] = (struct CMUnitTest){.name = cases[i]->d_name,
					       .test_func = check,
					       .initial_state = cases[i]->d_name};
	rc = _cmocka_run_group_tests("golden", tests, (size_t)count, NULL, NULL);
	for (int i = 0; i < count; i++)
		free(cases[i]);
	free(cases);
	free(tests);
	return rc;
}
