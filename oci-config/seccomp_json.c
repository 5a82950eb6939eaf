/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of calls as config.json has them: "args" of a rule in linux.seccomp.syscalls. */
#include <errno.h>
#include <string.h>

#include "oci-config/json.h"
#include "oci-config/seccomp_set.h"

static const char *const names[] = {
	[SECCOMP_NE] = "SCMP_CMP_NE",
	[SECCOMP_LT] = "SCMP_CMP_LT",
	[SECCOMP_LE] = "SCMP_CMP_LE",
	[SECCOMP_EQ] = "SCMP_CMP_EQ",
	[SECCOMP_GE] = "SCMP_CMP_GE",
	[SECCOMP_GT] = "SCMP_CMP_GT",
	[SECCOMP_MASKED_EQ] = "SCMP_CMP_MASKED_EQ",
};

static enum seccomp_op op_of(const char *name)
{
	for (enum seccomp_op op = SECCOMP_NE; op <= SECCOMP_MASKED_EQ; op++)
		if (name && strcmp(name, names[op]) == 0)
			return op;
	return SECCOMP_NONE;
}

static int parse_cond(json_object *arg, uint64_t *index, struct seccomp_cond *ret,
		      struct error *err)
{
	const char *op = NULL;
	int rc = ocfg_json_expect(arg, json_type_object, "condition", err);

	*index = 0;
	*ret = (struct seccomp_cond){0};
	if (rc == 0)
		rc = ocfg_json_get_uint64(arg, "index", index, err);
	if (rc == 0)
		rc = ocfg_json_get_uint64(arg, "value", &ret->value, err);
	if (rc == 0)
		rc = ocfg_json_get_uint64(arg, "valueTwo", &ret->two, err);
	if (rc == 0)
		rc = ocfg_json_get_string(arg, "op", &op, err);
	if (rc < 0)
		return rc;
	ret->op = op_of(op);
	if (ret->op == SECCOMP_NONE || *index >= SECCOMP_ARGS)
		return error_set(err, EINVAL, "no condition on an argument");
	if (ret->op != SECCOMP_MASKED_EQ)
		ret->two = 0;
	else if (ret->value == 0 || (ret->two & ~ret->value) != 0)
		return error_set(err, EINVAL, "a mask that no value fits");
	return 0;
}

/* Runtimes make a rule of each condition if any argument has two. */
static size_t spread(const struct seccomp_cond *conds, const uint64_t *indices, size_t count,
		     struct seccomp_set *ret)
{
	struct seccomp_set all = {0};
	bool twice = false;

	for (size_t i = 0; i < count; i++) {
		twice = twice || all.args[indices[i]].op != SECCOMP_NONE;
		all.args[indices[i]] = conds[i];
	}
	if (!twice) {
		ret[0] = all;
		return 1;
	}
	for (size_t i = 0; i < count; i++) {
		ret[i] = (struct seccomp_set){0};
		ret[i].args[indices[i]] = conds[i];
	}
	return count;
}

int seccomp_sets_parse(json_object *args, struct seccomp_set ret[SECCOMP_ARGS], size_t *ret_count,
		       struct error *err)
{
	struct seccomp_cond conds[SECCOMP_ARGS];
	uint64_t indices[SECCOMP_ARGS];
	size_t count = args ? json_object_array_length(args) : 0;

	if (count > SECCOMP_ARGS)
		return error_set(err, EINVAL, "more than %d conditions", SECCOMP_ARGS);
	for (size_t i = 0; i < count; i++) {
		json_object *arg = json_object_array_get_idx(args, i);
		int rc = parse_cond(arg, &indices[i], &conds[i], err);

		if (rc < 0)
			return rc;
	}
	*ret_count = spread(conds, indices, count, ret);
	return 0;
}

static int add_cond(json_object *args, unsigned index, const struct seccomp_cond *cond)
{
	json_object *arg = json_object_new_object();
	int rc = ocfg_json_append(args, arg, NULL);

	if (rc == 0)
		rc = ocfg_json_add(arg, "index", json_object_new_int((int)index), NULL);
	if (rc == 0)
		rc = ocfg_json_add(arg, "value", json_object_new_uint64(cond->value), NULL);
	if (rc == 0 && cond->op == SECCOMP_MASKED_EQ)
		rc = ocfg_json_add(arg, "valueTwo", json_object_new_uint64(cond->two), NULL);
	return rc < 0 ? rc
		      : ocfg_json_add(arg, "op", json_object_new_string(names[cond->op]), NULL);
}

json_object *seccomp_set_to_rule(const struct seccomp_set *set, const char *name,
				 const char *action)
{
	cleanup_json json_object *rule = json_object_new_object();
	json_object *list, *args;
	int rc;

	if (!rule)
		return NULL;
	list = json_object_new_array();
	rc = ocfg_json_add(rule, "names", list, NULL);
	if (rc == 0)
		rc = ocfg_json_append(list, json_object_new_string(name), NULL);
	if (rc == 0)
		rc = ocfg_json_add(rule, "action", json_object_new_string(action), NULL);
	if (rc == 0 && seccomp_set_size(set) > 0) {
		args = json_object_new_array();
		rc = ocfg_json_add(rule, "args", args, NULL);
		for (unsigned i = 0; rc == 0 && i < SECCOMP_ARGS; i++)
			if (set->args[i].op != SECCOMP_NONE)
				rc = add_cond(args, i, &set->args[i]);
	}
	return rc < 0 ? NULL : steal_pointer(&rule);
}
