/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of calls of one system call: intersection, negation. */
#include "oci-config/seccomp_set.h"

#include <string.h>

struct range {
	uint64_t low, high;
};

static bool is_wide(const struct seccomp_cond *cond)
{
	return cond->value >= UINT32_MAX || cond->two >= UINT32_MAX;
}

static bool matches(const struct seccomp_cond *cond, uint64_t value)
{
	switch (cond->op) {
	case SECCOMP_NE:
		return value != cond->value;
	case SECCOMP_LT:
		return value < cond->value;
	case SECCOMP_LE:
		return value <= cond->value;
	case SECCOMP_EQ:
		return value == cond->value;
	case SECCOMP_GE:
		return value >= cond->value;
	case SECCOMP_GT:
		return value > cond->value;
	case SECCOMP_MASKED_EQ:
		return (value & cond->value) == cond->two;
	default:
		return true;
	}
}

/* The condition as a range; low > high if it is empty. Not of a wide value: then nothing overflows. */
static bool to_range(const struct seccomp_cond *cond, struct range *ret)
{
	*ret = (struct range){0, UINT64_MAX};
	switch (cond->op) {
	case SECCOMP_NE:
		ret->low = 1;
		return cond->value == 0;
	case SECCOMP_LT:
		if (cond->value == 0)
			ret->low = 1;
		ret->high = cond->value == 0 ? 0 : cond->value - 1;
		return true;
	case SECCOMP_LE:
		ret->high = cond->value;
		return true;
	case SECCOMP_GE:
		ret->low = cond->value;
		return true;
	case SECCOMP_GT:
		ret->low = cond->value + 1;
		return true;
	default:
		return false;
	}
}

static enum seccomp_result from_range(const struct range *range, struct seccomp_cond *ret)
{
	if (range->low > range->high)
		return SECCOMP_EMPTY;
	if (range->low == range->high)
		*ret = (struct seccomp_cond){SECCOMP_EQ, range->low, 0};
	else if (range->low == 0)
		*ret = (struct seccomp_cond){SECCOMP_LE, range->high, 0};
	else if (range->high == UINT64_MAX)
		*ret = (struct seccomp_cond){SECCOMP_GE, range->low, 0};
	else
		return SECCOMP_BEYOND;
	return SECCOMP_DONE;
}

/* One value is taken out of a range: only at its ends a range is left. */
static enum seccomp_result without(struct range range, uint64_t value, struct seccomp_cond *ret)
{
	if (value > range.low && value < range.high)
		return SECCOMP_BEYOND;
	if (range.low == range.high && value == range.low)
		return SECCOMP_EMPTY;
	if (value == range.low)
		range.low++;
	else if (value == range.high)
		range.high--;
	return from_range(&range, ret);
}

/* `masked` is a MASKED_EQ, `other` is no EQ. */
static enum seccomp_result intersect_masked(const struct seccomp_cond *masked,
					    const struct seccomp_cond *other,
					    struct seccomp_cond *ret)
{
	if (other->op == SECCOMP_MASKED_EQ) {
		if ((masked->two & other->value) != (other->two & masked->value))
			return SECCOMP_EMPTY;
		*ret = (struct seccomp_cond){SECCOMP_MASKED_EQ, masked->value | other->value,
					     masked->two | other->two};
		return SECCOMP_DONE;
	}
	if (other->op != SECCOMP_NE || matches(masked, other->value))
		return SECCOMP_BEYOND;
	*ret = *masked;
	return SECCOMP_DONE;
}

static enum seccomp_result intersect(const struct seccomp_cond *a, const struct seccomp_cond *b,
				     struct seccomp_cond *ret)
{
	struct range of_a, of_b;
	bool a_is_range, b_is_range;

	if (is_wide(a) || is_wide(b))
		return SECCOMP_BEYOND;
	if (b->op == SECCOMP_EQ || a->op == SECCOMP_EQ) {
		*ret = b->op == SECCOMP_EQ ? *b : *a;
		return matches(a, ret->value) && matches(b, ret->value) ? SECCOMP_DONE
									: SECCOMP_EMPTY;
	}
	if (a->op == SECCOMP_MASKED_EQ)
		return intersect_masked(a, b, ret);
	if (b->op == SECCOMP_MASKED_EQ)
		return intersect_masked(b, a, ret);
	a_is_range = to_range(a, &of_a);
	b_is_range = to_range(b, &of_b);
	if (a_is_range && b_is_range) {
		if (of_b.low > of_a.low)
			of_a.low = of_b.low;
		if (of_b.high < of_a.high)
			of_a.high = of_b.high;
		return from_range(&of_a, ret);
	}
	if (a_is_range)
		return without(of_a, b->value, ret);
	return b_is_range ? without(of_b, a->value, ret) : SECCOMP_BEYOND;
}

static bool equal(const struct seccomp_cond *a, const struct seccomp_cond *b)
{
	return a->op == b->op && a->value == b->value && a->two == b->two;
}

enum seccomp_result seccomp_set_and(struct seccomp_set *set, unsigned index,
				    const struct seccomp_cond *cond)
{
	struct seccomp_cond *arg = &set->args[index], both;
	enum seccomp_result result;

	if (cond->op == SECCOMP_NONE || equal(arg, cond))
		return SECCOMP_DONE;
	if (arg->op == SECCOMP_NONE) {
		*arg = *cond;
		return SECCOMP_DONE;
	}
	result = intersect(arg, cond, &both);
	if (result == SECCOMP_DONE)
		*arg = both;
	return result;
}

enum seccomp_result seccomp_set_intersect(struct seccomp_set *set, const struct seccomp_set *other)
{
	enum seccomp_result result = SECCOMP_DONE;

	/* What one argument excludes is excluded, whatever the others are. */
	for (unsigned i = 0; i < SECCOMP_ARGS; i++) {
		enum seccomp_result one = seccomp_set_and(set, i, &other->args[i]);

		if (one == SECCOMP_EMPTY)
			return SECCOMP_EMPTY;
		if (one == SECCOMP_BEYOND)
			result = SECCOMP_BEYOND;
	}
	return result;
}

/* Those that differ in the lowest bit, those that agree there and differ in the next, ... */
static size_t negate_masked(const struct seccomp_cond *cond, struct seccomp_cond *ret)
{
	uint64_t lower = 0;
	size_t count = 0;

	if (is_wide(cond))
		return 0;
	for (uint64_t left = cond->value; left != 0; left &= left - 1) {
		uint64_t bit = left & -left;

		ret[count++] = (struct seccomp_cond){SECCOMP_MASKED_EQ, lower | bit,
						     (cond->two & lower) | (~cond->two & bit)};
		lower |= bit;
	}
	return count;
}

size_t seccomp_cond_negate(const struct seccomp_cond *cond, struct seccomp_cond ret[SECCOMP_PIECES])
{
	static const enum seccomp_op opposite[] = {
		[SECCOMP_NE] = SECCOMP_EQ, [SECCOMP_LT] = SECCOMP_GE, [SECCOMP_LE] = SECCOMP_GT,
		[SECCOMP_EQ] = SECCOMP_NE, [SECCOMP_GE] = SECCOMP_LT, [SECCOMP_GT] = SECCOMP_LE,
	};

	if (cond->op == SECCOMP_MASKED_EQ)
		return negate_masked(cond, ret);
	ret[0] = (struct seccomp_cond){opposite[cond->op], cond->value, 0};
	return 1;
}

bool seccomp_set_equal(const struct seccomp_set *a, const struct seccomp_set *b)
{
	for (unsigned i = 0; i < SECCOMP_ARGS; i++)
		if (!equal(&a->args[i], &b->args[i]))
			return false;
	return true;
}

size_t seccomp_set_size(const struct seccomp_set *set)
{
	size_t size = 0;

	for (unsigned i = 0; i < SECCOMP_ARGS; i++)
		size += set->args[i].op != SECCOMP_NONE;
	return size;
}

struct seccomp_set seccomp_set_of_call(const struct ocfg_notify_call *call)
{
	static const enum seccomp_op ops[] = {
		[OCFG_NOTIFY_NE] = SECCOMP_NE,
		[OCFG_NOTIFY_GE] = SECCOMP_GE,
		[OCFG_NOTIFY_MASKED_EQ] = SECCOMP_MASKED_EQ,
	};
	struct seccomp_set set = {0};

	for (size_t i = 0; i < call->count; i++) {
		const struct ocfg_notify_condition *from = &call->conditions[i];

		set.args[from->index] =
			(struct seccomp_cond){ops[from->op], from->value, from->value_two};
	}
	return set;
}
