#include "index/postings.h"

#include "tests/node.h"
#include "tests/within.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NUMBERS_MAX 5000

static bool
bit_at(const uint8_t *bytes, size_t at)
{
	return bytes[at / 8] >> at % 8 & 1;
}

static unsigned
low_bits(uint32_t count, uint32_t limit)
{
	unsigned low = 0;
	while ((uint64_t)(limit / count) >> (low + 1))
		low++;
	return low;
}

/* Decodes bit by bit, from the words of the header alone. */
static void
decode_slowly(uint32_t *numbers, const uint8_t *bytes, uint32_t count, uint32_t limit)
{
	unsigned low = low_bits(count, limit);
	const uint8_t *highs = bytes + ((size_t)count * low + 7) / 8;
	uint32_t zeros = 0;
	size_t at = 0;
	for (uint32_t i = 0; i < count; i++, at++) {
		for (; !bit_at(highs, at); at++)
			zeros++;
		numbers[i] = zeros << low;
		for (unsigned bit = 0; bit < low; bit++)
			numbers[i] |= (uint32_t)bit_at(bytes, (size_t)i * low + bit) << bit;
	}
}

/* A copy of the list that ends where its padding does, so that a sanitizer sees what is read
 * behind; the padding is not zeros. */
static uint8_t *
padded(const struct ep_buffer *list)
{
	uint8_t *bytes = malloc(list->size + EP_POSTINGS_PADDING);
	assert_non_null(bytes);
	memcpy(bytes, list->data, list->size);
	memset(bytes + list->size, 0xff, EP_POSTINGS_PADDING);
	return bytes;
}

static void
comes_back(const uint32_t *numbers, uint32_t count, uint32_t limit)
{
	static uint32_t found[NUMBERS_MAX];
	static uint32_t slow[NUMBERS_MAX];
	EP_BUFFER struct ep_buffer list = { 0 };
	assert_int_equal(ep_postings_encode(&list, numbers, count, limit, NULL), EP_OK);
	assert_int_equal(list.size, ep_postings_size(count, limit));
	uint8_t *bytes = padded(&list);
	ep_postings_decode(found, bytes, count, limit);
	decode_slowly(slow, bytes, count, limit);
	assert_memory_equal(slow, numbers, count * sizeof *numbers);
	assert_memory_equal(found, numbers, count * sizeof *numbers);
	free(bytes);
}

static int
compare_numbers(const void *one, const void *other)
{
	uint32_t a = *(const uint32_t *)one;
	uint32_t b = *(const uint32_t *)other;
	return a < b ? -1 : a > b;
}

/* Distinct numbers below limit, ascending; returns how many: up to count. */
static uint32_t
random_numbers(uint32_t *numbers, uint32_t count, uint32_t limit, uint64_t *state)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < count; i++)
		numbers[i] = random_below(state, limit);
	qsort(numbers, count, sizeof *numbers, compare_numbers);
	for (uint32_t i = 0; i < count; i++) {
		if (kept == 0 || numbers[kept - 1] != numbers[i])
			numbers[kept++] = numbers[i];
	}
	return kept;
}

static void
lists_with_any_number_of_low_bits_come_back(void **state)
{
	static uint32_t numbers[NUMBERS_MAX];
	uint64_t random = 1;
	(void)state;
	for (unsigned low = 0; low < 32; low++) {
		for (uint32_t wanted = 1; wanted <= 40; wanted++) {
			uint64_t limit = (uint64_t)wanted << low;
			if (limit > UINT32_MAX)
				break;
			limit += random_below(&random, (uint32_t)1 << low);
			limit = limit > UINT32_MAX ? UINT32_MAX : limit;
			uint32_t count = random_numbers(numbers, wanted, (uint32_t)limit, &random);
			comes_back(numbers, count, (uint32_t)limit);
		}
	}
}

static void
lists_of_any_length_come_back(void **state)
{
	static uint32_t numbers[NUMBERS_MAX];
	uint64_t random = 2;
	(void)state;
	for (int i = 0; i < 500; i++) {
		uint32_t limit = 1 + (uint32_t)(next_random(&random) >> (32 + i % 32));
		uint32_t wanted = 1 + random_below(&random, NUMBERS_MAX - 1);
		comes_back(numbers, random_numbers(numbers, wanted, limit, &random), limit);
	}
}

static void
the_extremes_come_back(void **state)
{
	static uint32_t all[1000];
	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		all[i] = i;
	comes_back(all, 1000, 1000);
	comes_back(all, 1, 1);
	comes_back(all, 1, UINT32_MAX);
	comes_back(all, 1000, UINT32_MAX);
	uint32_t last[] = { 0, UINT32_MAX - 2, UINT32_MAX - 1 };
	comes_back(last, 3, UINT32_MAX);
	comes_back(last + 2, 1, UINT32_MAX);
}

static void
a_list_takes_two_bits_more_than_its_entropy(void **state)
{
	(void)state;
	/* 1,000 of a million: log2(1000000 / 1000) + log2(e) = 11.4 bits each, and less than 2
	 * more. */
	assert_within(ep_postings_size(1000, 1000000), 11400 / 8, 13400 / 8);
	assert_int_equal(ep_postings_size(1000, 1000), (1000 + 1000 + 1 + 7) / 8);
}

static void
damaged_lists_give_numbers(void **state)
{
	static uint32_t numbers[NUMBERS_MAX];
	uint64_t random = 3;
	(void)state;
	for (int i = 0; i < 300; i++) {
		uint32_t limit = 1 + (uint32_t)(next_random(&random) >> (32 + i % 32));
		uint32_t count = 1 + random_below(&random, limit < 300 ? limit : 300);
		size_t size = ep_postings_size(count, limit);
		uint8_t *bytes = malloc(size + EP_POSTINGS_PADDING);
		assert_non_null(bytes);
		for (size_t k = 0; k < size + EP_POSTINGS_PADDING; k++)
			bytes[k] = i % 3 == 0   ? 0
			           : i % 3 == 1 ? 0xff
			                        : (uint8_t)next_random(&random);
		ep_postings_decode(numbers, bytes, count, limit);
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
