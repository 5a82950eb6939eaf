/* SPDX-License-Identifier: Apache-2.0 */
/* Large arrays of hashes, with what belongs to them: growing and sorting without a second array. */
#include "hook/common/pairs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

int pairs_add(struct pairs *pairs, uint64_t high, uint64_t low)
{
	if (pairs->count == pairs->room) {
		/* The C library grows large arrays by mremap: never two of them in memory. */
		size_t more = pairs->room ? pairs->room + pairs->room / 2 : 4096;
		struct pair *grown = reallocarray(pairs->list, more, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		pairs->list = grown;
		pairs->room = more;
	}
	pairs->list[pairs->count++] = (struct pair){high, low};
	return 0;
}

static bool is_less(const struct pair *a, const struct pair *b)
{
	return a->high != b->high ? a->high < b->high : a->low < b->low;
}

static void swap(struct pair *a, struct pair *b)
{
	struct pair t = *a;

	*a = *b;
	*b = t;
}

/*
 * Quicksort with three parts: in place, where qsort(3) would take as much memory again, and made for many equal keys.
 * Hashes are random, so the middle one is as good a pivot as any; the smaller part goes first: depth log2(n).
 */
static void sort(struct pair *a, size_t n)
{
	while (n > 1) {
		struct pair pivot = a[n / 2];
		size_t less = 0, more = n;

		for (size_t i = 0; i < more;) {
			if (is_less(&a[i], &pivot))
				swap(&a[i++], &a[less++]);
			else if (is_less(&pivot, &a[i]))
				swap(&a[i], &a[--more]);
			else
				i++;
		}
		if (less < n - more) {
			sort(a, less);
			a += more;
			n -= more;
		} else {
			sort(a + more, n - more);
			n = less;
		}
	}
}

void pairs_sort(struct pairs *pairs)
{
	sort(pairs->list, pairs->count);
}
