/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rules a profile needs so that some calls are notified.
 *
 * libseccomp goes by the first condition of its tree that holds, and a rule without conditions
 * swallows all others for its call. So what is notified and what is allowed must not overlap: the
 * call is taken out of the rules that allow it, and comes back in rules of its own, each of them
 * what was allowed and is notified, or what was allowed and is not.
 */
#include "oci-config/seccomp_plan.h"

#include <errno.h>
#include <string.h>

#include "oci-config/json.h"
#include "oci-config/seccomp_set.h"

#define SETS_MAX 64
#define ALLOW	 "SCMP_ACT_ALLOW"
#define NOTIFY	 "SCMP_ACT_NOTIFY"
#define EPERM_	 1 /* what SCMP_ACT_ERRNO means without errnoRet */

/* A union. */
struct sets {
	size_t count;
	struct seccomp_set set[SETS_MAX];
};

/* What a profile says of one system call, rules that only repeat the default left out. */
struct verdict {
	bool by_default; /* what no rule names is allowed */
	struct sets allowed, blocked;
};

static const char *text_of(json_object *object, const char *key)
{
	const char *text = "";

	return ocfg_json_get_string(object, key, &text, NULL) < 0 ? "" : text;
}

/* Runtimes leave a rule out whose action is the default one. */
static bool is_default(json_object *seccomp, json_object *rule)
{
	uint64_t default_errno = EPERM_, rule_errno = EPERM_;

	(void)ocfg_json_get_uint64(seccomp, "defaultErrnoRet", &default_errno, NULL);
	(void)ocfg_json_get_uint64(rule, "errnoRet", &rule_errno, NULL);
	if (strcmp(text_of(rule, "action"), text_of(seccomp, "defaultAction")) != 0)
		return false;
	return strcmp(text_of(rule, "action"), ALLOW) == 0 || default_errno == rule_errno;
}

size_t seccomp_rule_find(json_object *rule, const char *name)
{
	json_object *names = NULL;
	size_t i, count;

	(void)ocfg_json_get_array(rule, "names", &names, NULL);
	count = names ? json_object_array_length(names) : 0;
	for (i = 0; i < count; i++) {
		json_object *item = json_object_array_get_idx(names, i);

		if (json_object_is_type(item, json_type_string) &&
		    strcmp(json_object_get_string(item), name) == 0)
			break;
	}
	return i;
}

static bool names_it(json_object *rule, const char *name)
{
	json_object *names = NULL;

	return ocfg_json_get_array(rule, "names", &names, NULL) == 0 && names &&
	       seccomp_rule_find(rule, name) < json_object_array_length(names);
}

bool seccomp_rule_allows(json_object *seccomp, json_object *rule, const char *name)
{
	return names_it(rule, name) && !is_default(seccomp, rule) &&
	       strcmp(text_of(rule, "action"), ALLOW) == 0;
}

static int add_set(struct sets *sets, const struct seccomp_set *set, struct error *err)
{
	for (size_t i = 0; i < sets->count; i++)
		if (seccomp_set_equal(&sets->set[i], set))
			return 0;
	if (sets->count == SETS_MAX)
		return error_set(err, EINVAL, "too many conditions");
	sets->set[sets->count++] = *set;
	return 0;
}

static int read_rule(json_object *seccomp, json_object *rule, const char *name,
		     struct verdict *verdict, struct error *err)
{
	struct seccomp_set sets[SECCOMP_ARGS];
	struct sets *to;
	json_object *args;
	const char *action = "";
	size_t count = 0;
	int rc = ocfg_json_expect(rule, json_type_object, "rule", err);

	if (rc == 0)
		rc = ocfg_json_get_string(rule, "action", &action, err);
	if (rc < 0)
		return rc;
	if (strcmp(action, NOTIFY) == 0)
		return error_set(err, EINVAL, "the profile notifies another listener");
	if (!names_it(rule, name) || is_default(seccomp, rule))
		return 0;
	rc = ocfg_json_get_array(rule, "args", &args, err);
	if (rc == 0)
		rc = seccomp_sets_parse(args, sets, &count, err);
	to = strcmp(action, ALLOW) == 0 ? &verdict->allowed : &verdict->blocked;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = add_set(to, &sets[i], err);
	return rc;
}

static bool has_all(const struct sets *sets)
{
	for (size_t i = 0; i < sets->count; i++)
		if (seccomp_set_size(&sets->set[i]) == 0)
			return true;
	return false;
}

/*
 * What libseccomp gets right: no call is met by rules of two actions (its tree decides which comes
 * first), and of what blocks there is one condition (2.5 mixes up several with those of other rules).
 */
static int check_apart(const struct verdict *verdict, struct error *err)
{
	const struct sets *blocked = &verdict->blocked;

	if (blocked->count > 1 || (blocked->count == 1 && seccomp_set_size(&blocked->set[0]) > 1))
		return error_set(err, EINVAL, "it blocks some calls by several conditions");
	for (size_t a = 0; a < verdict->allowed.count; a++) {
		for (size_t b = 0; b < verdict->blocked.count; b++) {
			struct seccomp_set both = verdict->allowed.set[a];

			if (seccomp_set_intersect(&both, &verdict->blocked.set[b]) != SECCOMP_EMPTY)
				return error_set(err, EINVAL, "rules contradict each other");
		}
	}
	return 0;
}

static int read_verdict(json_object *seccomp, const char *name, struct verdict *ret,
			struct error *err)
{
	json_object *rules;
	const char *action = ALLOW;
	int rc = ocfg_json_get_array(seccomp, "syscalls", &rules, err);

	if (rc == 0)
		rc = ocfg_json_get_string(seccomp, "defaultAction", &action, err);
	if (rc < 0)
		return rc;
	*ret = (struct verdict){.by_default = strcmp(action, ALLOW) == 0};
	for (size_t i = 0; rules && i < json_object_array_length(rules); i++) {
		rc = read_rule(seccomp, json_object_array_get_idx(rules, i), name, ret, err);
		if (rc < 0)
			return error_wrap(err, "syscalls[%zu]", i);
	}
	if (has_all(&ret->allowed)) {
		ret->allowed.set[0] = (struct seccomp_set){0};
		ret->allowed.count = 1;
	}
	return check_apart(ret, err);
}

/* Those with most conditions first: libseccomp 2.5 wants them in this order. */
static int add_rules(json_object *rules, const struct sets *sets, const char *name,
		     const char *action, struct error *err)
{
	int rc = 0;

	for (size_t size = SECCOMP_ARGS + 1; size > 0; size--)
		for (size_t i = 0; rc == 0 && i < sets->count; i++)
			if (seccomp_set_size(&sets->set[i]) == size - 1)
				rc = ocfg_json_append(
					rules, seccomp_set_to_rule(&sets->set[i], name, action),
					err);
	return rc;
}

static int beyond(struct error *err)
{
	return error_set(err, EINVAL, "its conditions and ours cannot be said in one rule");
}

/* Adds to `to` what of `from` is not in `minus`, in sets of which no two overlap. */
static int subtract(const struct seccomp_set *from, const struct seccomp_set *minus,
		    struct sets *to, struct error *err)
{
	struct seccomp_cond pieces[SECCOMP_PIECES];
	struct seccomp_set prefix = *from;
	size_t left = seccomp_set_size(minus);

	if (seccomp_set_intersect(&prefix, minus) == SECCOMP_EMPTY)
		return add_set(to, from, err);
	prefix = *from;
	for (unsigned i = 0; i < SECCOMP_ARGS; i++) {
		const struct seccomp_cond *cond = &minus->args[i];
		size_t count;

		if (cond->op == SECCOMP_NONE)
			continue;
		count = seccomp_cond_negate(cond, pieces);
		if (count == 0)
			return beyond(err);
		for (size_t p = 0; p < count; p++) {
			struct seccomp_set rest = prefix;
			enum seccomp_result result = seccomp_set_and(&rest, i, &pieces[p]);

			if (result == SECCOMP_BEYOND)
				return beyond(err);
			if (result == SECCOMP_DONE && add_set(to, &rest, err) < 0)
				return -EINVAL;
		}
		if (--left > 0 && seccomp_set_and(&prefix, i, cond) != SECCOMP_DONE)
			return beyond(err);
	}
	return 0;
}

/* All calls are allowed but the blocked ones: of those that are left some are notified. */
static int plan_blocklist(const struct verdict *verdict, const struct seccomp_set *wanted,
			  struct sets *notified, struct error *err)
{
	struct sets left = {.count = 1, .set = {*wanted}};

	for (size_t b = 0; b < verdict->blocked.count; b++) {
		struct sets next = {.count = 0};

		for (size_t i = 0; i < left.count; i++)
			if (subtract(&left.set[i], &verdict->blocked.set[b], &next, err) < 0)
				return -EINVAL;
		left = next;
	}
	*notified = left;
	return 0;
}

/* Only some calls are allowed: each set of them falls into what is notified and what is not. */
static int plan_allowlist(const struct verdict *verdict, const struct seccomp_set *wanted,
			  struct sets *notified, struct sets *allowed, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < verdict->allowed.count; i++) {
		struct seccomp_set both = verdict->allowed.set[i];
		enum seccomp_result result = seccomp_set_intersect(&both, wanted);

		if (result == SECCOMP_BEYOND)
			return beyond(err);
		if (result == SECCOMP_DONE)
			rc = add_set(notified, &both, err);
		if (rc == 0)
			rc = subtract(&verdict->allowed.set[i], wanted, allowed, err);
	}
	return rc;
}

static int plan_call(json_object *seccomp, const struct ocfg_notify_call *call,
		     struct seccomp_plan *plan, bool *ret_notified, struct error *err)
{
	const struct seccomp_set wanted = seccomp_set_of_call(call);
	struct sets notified = {.count = 0}, allowed = {.count = 0};
	struct verdict verdict;
	int rc = read_verdict(seccomp, call->name, &verdict, err);

	if (rc < 0)
		return rc;
	if (verdict.by_default)
		rc = plan_blocklist(&verdict, &wanted, &notified, err);
	else
		rc = plan_allowlist(&verdict, &wanted, &notified, &allowed, err);
	*ret_notified = notified.count > 0;
	if (rc < 0 || notified.count == 0)
		return rc;
	rc = add_rules(plan->rules, &notified, call->name, NOTIFY, err);
	if (rc == 0)
		rc = add_rules(plan->rules, &allowed, call->name, ALLOW, err);
	if (!verdict.by_default)
		plan->taken[plan->count++] = call->name;
	return rc;
}

int seccomp_plan_make(json_object *seccomp, const struct ocfg_notify *notify,
		      struct seccomp_plan *ret, struct error *err)
{
	cleanup_json json_object *rules = json_object_new_array();
	struct seccomp_plan plan = {.rules = rules};
	struct ocfg_notify_call calls[OCFG_NOTIFY_CALLS];
	size_t count = ocfg_notify_calls(notify, calls);

	if (!rules)
		return error_set(err, ENOMEM, "seccomp rules");
	for (size_t i = 0; i < count; i++) {
		bool notified = false;
		int rc = plan_call(seccomp, &calls[i], &plan, &notified, err);

		/* Who may not call brk has no heap that grows; but mmap is what it is all about. */
		if (rc == 0 && !notified && i == 0)
			rc = error_set(err, EINVAL, "it allows none of the calls that matter");
		if (rc < 0)
			return error_wrap(err, "%s", calls[i].name);
	}
	*ret = plan;
	(void)steal_pointer(&rules);
	return 0;
}
