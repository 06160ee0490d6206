#include "base/sort64.h"

#include <string.h>

/* Keys are sorted by so many bits at a time. */
#define DIGIT_BITS 10
#define DIGIT_COUNT ((uint64_t)1 << DIGIT_BITS)

/* Moves keys from `from` to `to` in the order of one digit, and otherwise in the order they have.
 */
static void
sort_pass(uint64_t *to, const uint64_t *from, size_t count, unsigned shift)
{
	size_t at[DIGIT_COUNT] = { 0 };
	for (size_t i = 0; i < count; i++)
		at[from[i] >> shift & (DIGIT_COUNT - 1)]++;
	size_t sum = 0;
	for (size_t digit = 0; digit < DIGIT_COUNT; digit++) {
		size_t size = at[digit];
		at[digit] = sum;
		sum += size;
	}
	for (size_t i = 0; i < count; i++)
		to[at[from[i] >> shift & (DIGIT_COUNT - 1)]++] = from[i];
}

void
ep_sort64(uint64_t *keys, uint64_t *scratch, size_t count, unsigned shift)
{
	uint64_t differences = 0;
	for (size_t i = 1; i < count; i++)
		differences |= keys[i] ^ keys[0];
	uint64_t *from = keys;
	uint64_t *to = scratch;
	for (; shift < 64 && differences >> shift; shift += DIGIT_BITS) {
		if (!(differences >> shift & (DIGIT_COUNT - 1)))
			continue;
		sort_pass(to, from, count, shift);
		uint64_t *sorted = to;
		to = from;
		from = sorted;
	}
	if (from != keys)
		memcpy(keys, from, count * sizeof *keys);
}
