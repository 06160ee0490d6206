#include "index/postings.h"

#include "tests/node.h"
#include "tests/within.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NUMBERS_MAX 5000
#define LIMIT_MAX (((uint64_t)1 << 60) - 1)

static bool
bit_at(const uint8_t *bytes, size_t at)
{
	return bytes[at / 8] >> at % 8 & 1;
}

static unsigned
low_bits(uint64_t count, uint64_t limit)
{
	unsigned low = 0;
	while (limit / count >> (low + 1) && low < EP_POSTINGS_LOW_MAX)
		low++;
	return low;
}

static uint64_t
bits_at(const uint8_t *bytes, size_t at, unsigned width)
{
	uint64_t number = 0;
	for (unsigned bit = 0; bit < width; bit++)
		number |= (uint64_t)bit_at(bytes, at + bit) << bit;
	return number;
}

/* Decodes bit by bit, from the words of the header alone. */
static void
decode_slowly(uint64_t *numbers, const uint8_t *bytes, uint64_t count, uint64_t unit, unsigned bits)
{
	unsigned low = low_bits(count, unit << bits);
	unsigned width = 0;
	unsigned parts = 0; /* bits of their number */
	while (count >> width)
		width++;
	while (parts < bits && count / EP_POSTINGS_PART >= (uint64_t)2 << parts)
		parts++;
	uint64_t table = (uint64_t)1 << parts;
	const uint8_t *lows = bytes + ((table - 1) * width + 7) / 8;
	const uint8_t *highs = lows + (count * low + 7) / 8;
	uint64_t zeros = 0;
	size_t at = 0;
	for (uint64_t i = 0; i < count; i++, at++) {
		for (; !bit_at(highs, at); at++)
			zeros++;
		numbers[i] = zeros << low | bits_at(lows, i * low, low);
	}
	for (uint64_t part = 1; part < table; part++) {
		uint64_t below = bits_at(bytes, (part - 1) * width, width);
		uint64_t end = part * (unit << (bits - parts));
		assert_true(below <= count);
		assert_true(below == 0 || numbers[below - 1] < end);
		assert_true(below == count || numbers[below] >= end);
	}
}

/* A copy of the list that ends where its padding does, so that a sanitizer sees what is read
 * behind; the padding is not zeros. */
static struct ep_postings
padded(const uint8_t *bytes, uint64_t count, uint64_t unit, unsigned bits)
{
	struct ep_postings list = ep_postings_shape(count, unit, bits);
	uint8_t *copy = malloc(list.size + EP_POSTINGS_PADDING);
	assert_non_null(copy);
	memcpy(copy, bytes, list.size);
	memset(copy + list.size, 0xff, EP_POSTINGS_PADDING);
	list.bytes = copy;
	return list;
}

static void
free_list(struct ep_postings list)
{
	uintptr_t bytes = (uintptr_t)list.bytes;
	free((void *)bytes);
}

static uint64_t
random64_below(uint64_t *state, uint64_t limit)
{
	return next_random(state) % limit;
}

/* Reads the numbers from so many units on up to end, some at a time, and compares them. */
static void
comes_back_between(const struct ep_postings *list, const uint64_t *numbers, uint64_t units,
                   uint64_t end, size_t at_once)
{
	static uint64_t found[NUMBERS_MAX];
	struct ep_postings_cursor cursor = ep_postings_find(list, units);
	uint64_t first = 0;
	uint64_t last = 0;
	while (first < list->count && numbers[first] < units * list->unit)
		first++;
	for (last = first; last < list->count && numbers[last] < end;)
		last++;
	assert_int_equal(cursor.next, first);
	size_t got = 0;
	for (size_t more = 1; more; got += more) {
		more = ep_postings_read(found + got, at_once, &cursor, end);
		assert_true(more <= at_once);
	}
	assert_int_equal(got, last - first);
	assert_memory_equal(found, numbers + first, got * sizeof *found);
}

static void
comes_back(const uint64_t *numbers, uint64_t count, uint64_t unit, unsigned bits)
{
	static uint64_t slow[NUMBERS_MAX];
	static uint64_t random = 9;
	EP_BUFFER struct ep_buffer bytes = { 0 };
	uint64_t limit = unit << bits;
	assert_int_equal(ep_postings_encode(&bytes, numbers, count, unit, bits, NULL), EP_OK);
	assert_int_equal(bytes.size, ep_postings_shape(count, unit, bits).size);
	decode_slowly(slow, bytes.data, count, unit, bits);
	assert_memory_equal(slow, numbers, count * sizeof *numbers);
	struct ep_postings list = padded(bytes.data, count, unit, bits);
	struct ep_postings_cursor cursor = ep_postings_begin(&list);
	assert_int_equal(ep_postings_read(slow, NUMBERS_MAX, &cursor, limit), count);
	assert_memory_equal(slow, numbers, count * sizeof *numbers);
	comes_back_between(&list, numbers, 0, limit, NUMBERS_MAX);
	comes_back_between(&list, numbers, (uint64_t)1 << bits, UINT64_MAX, 2);
	for (int i = 0; i < 4; i++) {
		uint64_t one = numbers[random64_below(&random, count)] / unit;
		uint64_t any = random64_below(&random, (uint64_t)1 << bits);
		comes_back_between(&list, numbers, any, limit, 7);
		comes_back_between(&list, numbers, one, any * unit, 64);
		comes_back_between(&list, numbers, any, (one + 1) * unit, 1);
	}
	free_list(list);
}

/* The same with the limit in as many units as it can be, up to 2^bits. */
static void
comes_back_in_units(const uint64_t *numbers, uint64_t count, uint64_t limit, unsigned bits)
{
	while (limit & (((uint64_t)1 << bits) - 1))
		bits--;
	comes_back(numbers, count, limit >> bits, bits);
}

static int
compare_numbers(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one;
	uint64_t b = *(const uint64_t *)other;
	return a < b ? -1 : a > b;
}

/* Distinct numbers below limit, ascending; returns how many: up to count. */
static uint64_t
random_numbers(uint64_t *numbers, uint64_t count, uint64_t limit, uint64_t *state)
{
	uint64_t kept = 0;
	for (uint64_t i = 0; i < count; i++)
		numbers[i] = random64_below(state, limit);
	qsort(numbers, count, sizeof *numbers, compare_numbers);
	for (uint64_t i = 0; i < count; i++) {
		if (kept == 0 || numbers[kept - 1] != numbers[i])
			numbers[kept++] = numbers[i];
	}
	return kept;
}

static void
lists_with_any_number_of_low_bits_come_back(void **state)
{
	static uint64_t numbers[NUMBERS_MAX];
	uint64_t random = 1;
	(void)state;
	for (unsigned low = 0; low < 58; low++) {
		for (uint64_t wanted = 1; wanted <= 40; wanted++) {
			uint64_t limit = wanted << low;
			if (limit > LIMIT_MAX)
				break;
			limit += random64_below(&random, (uint64_t)1 << low);
			limit = limit > LIMIT_MAX ? LIMIT_MAX : limit;
			limit -= limit > 64 && low % 2 ? limit % 64 : 0;
			uint64_t count = random_numbers(numbers, wanted, limit, &random);
			comes_back_in_units(numbers, count, limit, 26);
		}
	}
}

static void
lists_of_any_length_come_back(void **state)
{
	static uint64_t numbers[NUMBERS_MAX];
	uint64_t random = 2;
	(void)state;
	for (int i = 0; i < 500; i++) {
		uint64_t limit = 1 + (next_random(&random) >> (6 + i % 58));
		uint64_t wanted = 1 + random64_below(&random, NUMBERS_MAX - 1);
		unsigned bits = (unsigned)i % 27;
		uint64_t unit = limit >> bits ? limit >> bits : 1;
		comes_back(numbers, random_numbers(numbers, wanted, unit << bits, &random), unit,
		           bits);
	}
}

static void
the_extremes_come_back(void **state)
{
	static uint64_t all[1000];
	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		all[i] = i;
	comes_back(all, 1000, 1000, 0);
	comes_back(all, 1000, 125, 3);
	comes_back(all, 1000, 1, 26);
	comes_back(all, 1, 1, 0);
	comes_back(all, 1, LIMIT_MAX, 0);
	comes_back(all, 1000, LIMIT_MAX, 0);
	comes_back(all, 1000, LIMIT_MAX >> 26, 26);
	uint64_t last[] = { 0, LIMIT_MAX - 2, LIMIT_MAX - 1 };
	comes_back(last, 3, LIMIT_MAX, 0);
	comes_back(last + 2, 1, LIMIT_MAX, 0);
}

static void
a_list_takes_two_bits_more_than_its_entropy(void **state)
{
	(void)state;
	/* 1,000 of a million: log2(1000000 / 1000) + log2(e) = 11.4 bits each, and less than 2
	 * more. */
	assert_within(ep_postings_shape(1000, 1000000, 0).size, 11400 / 8, 13400 / 8);
	assert_int_equal(ep_postings_shape(1000, 1000, 0).size, (1000 + 1000 + 1 + 7) / 8);
	/* A table of 2^6 parts, of 10 bits each. */
	assert_int_equal(ep_postings_shape(1000, 1000, 20).size,
	                 ep_postings_shape(1000, 1000 << 20, 0).size + (63 * 10 + 7) / 8);
}

static void
damaged_lists_give_numbers(void **state)
{
	static uint64_t numbers[NUMBERS_MAX];
	uint64_t random = 3;
	(void)state;
	for (int i = 0; i < 600; i++) {
		uint64_t limit = 1 + (next_random(&random) >> (6 + i % 58));
		uint64_t count = 1 + random64_below(&random, limit < 300 ? limit : 300);
		struct ep_postings list = ep_postings_shape(count, limit, 0);
		if (i % 2 && limit >> 26 >= 300)
			list = ep_postings_shape(count, limit >> 26, 26);
		uint8_t *bytes = malloc(list.size + EP_POSTINGS_PADDING);
		assert_non_null(bytes);
		for (size_t k = 0; k < list.size + EP_POSTINGS_PADDING; k++)
			bytes[k] = i % 3 == 0   ? 0
			           : i % 3 == 1 ? 0xff
			                        : (uint8_t)next_random(&random);
		list.bytes = bytes;
		struct ep_postings_cursor cursor = ep_postings_begin(&list);
		size_t got = ep_postings_read(numbers, NUMBERS_MAX, &cursor, UINT64_MAX);
		assert_true(got <= count);
		cursor = ep_postings_find(&list,
		                          random64_below(&random, ((uint64_t)1 << list.bits) + 1));
		(void)ep_postings_read(numbers, NUMBERS_MAX, &cursor, limit);
		free(bytes);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_with_any_number_of_low_bits_come_back),
		cmocka_unit_test(lists_of_any_length_come_back),
		cmocka_unit_test(the_extremes_come_back),
		cmocka_unit_test(a_list_takes_two_bits_more_than_its_entropy),
		cmocka_unit_test(damaged_lists_give_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
