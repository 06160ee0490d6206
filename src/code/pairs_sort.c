#include "base/sort64.h"
#include "code/digits.h"
#include "code/pairs.h"

#include <stdlib.h>

/* A group of one time is sorted by insertion up to this many pairs. */
#define SMALL_GROUP 64

static const uint64_t power_of_ten[] = { 1,         10,         100,        1000,
	                                 10000,     100000,     1000000,    10000000,
	                                 100000000, 1000000000, 10000000000 };

/* Orders codes as their decimal texts with a blank behind: the digits moved to the left of ten
 * places; of two that are then equal, the shorter. 38 bits. */
static inline uint64_t
code_key(uint32_t code)
{
	unsigned digits = ep_digit_count(code);
	return code * power_of_ten[10 - digits] << 4 | digits;
}

int
ep_pair_compare(struct ep_pair one, struct ep_pair other)
{
	if (one.time != other.time)
		return one.time < other.time ? -1 : 1;
	uint64_t one_key = code_key(one.code);
	uint64_t other_key = code_key(other.code);
	return (one_key > other_key) - (one_key < other_key);
}

bool
ep_pairs_are_sorted(const struct ep_pair *pairs, size_t count)
{
	uint32_t time = 0;
	uint64_t key = 0;
	for (size_t i = 0; i < count; i++) {
		uint64_t next = code_key(pairs[i].code);
		if (pairs[i].time < time || (pairs[i].time == time && next < key))
			return false;
		time = pairs[i].time;
		key = next;
	}
	return true;
}

static int
compare_items(const void *one, const void *other)
{
	const struct ep_pair *left = one;
	const struct ep_pair *right = other;
	return ep_pair_compare(*left, *right);
}

/* Sorts by code pairs of one time, at most SMALL_GROUP. */
static void
sort_small_group(struct ep_pair *pairs, size_t count)
{
	uint64_t keys[SMALL_GROUP];
	for (size_t i = 0; i < count; i++) {
		uint32_t code = pairs[i].code;
		uint64_t key = code_key(code);
		size_t at = i;
		for (; at > 0 && keys[at - 1] > key; at--) {
			keys[at] = keys[at - 1];
			pairs[at].code = pairs[at - 1].code;
		}
		keys[at] = key;
		pairs[at].code = code;
	}
}

static enum ep_status
sort_by_time(struct ep_pair *pairs, size_t count, struct ep_error *err)
{
	EP_FREE uint64_t *keys = malloc(count * 2 * sizeof *keys);
	if (!keys)
		return ep_fail(err, EP_NO_MEMORY, "out of memory to sort %zu pairs of codes",
		               count);
	for (size_t i = 0; i < count; i++)
		keys[i] = (uint64_t)pairs[i].time << 32 | pairs[i].code;
	ep_sort64(keys, keys + count, count, 32);
	for (size_t i = 0; i < count; i++)
		pairs[i] = (struct ep_pair){ (uint32_t)keys[i], (uint32_t)(keys[i] >> 32) };
	return EP_OK;
}

enum ep_status
ep_pairs_sort(struct ep_pair *pairs, size_t count, struct ep_error *err)
{
	if (ep_pairs_are_sorted(pairs, count))
		return EP_OK;
	EP_TRY(sort_by_time(pairs, count, err));
	for (size_t i = 0; i < count;) {
		size_t group = ep_pairs_group(pairs + i, count - i);
		if (group <= SMALL_GROUP)
			sort_small_group(pairs + i, group);
		else
			qsort(pairs + i, group, sizeof *pairs, compare_items);
		i += group;
	}
	return EP_OK;
}
