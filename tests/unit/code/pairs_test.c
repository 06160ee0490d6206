#include "code/pairs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct ep_pair golden[] = { { 101282, 9 }, { 1023041, 9 }, { 738, 12 }, { 5, 70000 } };
static const char golden_text[] = "101282 9 1023041 9 738 12 5 70000";

static void
assert_prints_as(const struct ep_pair *pairs, size_t count, const char *text)
{
	EP_BUFFER struct ep_buffer out = { 0 };
	assert_int_equal(ep_pairs_print(&out, pairs, count, NULL), EP_OK);
	assert_int_equal(out.size, strlen(text));
	assert_memory_equal(out.data, text, out.size);
	assert_int_equal(ep_pairs_print_size(pairs, count), out.size);
}

static void
assert_parses_as(const char *text, const struct ep_pair *expected, size_t count)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	assert_int_equal(ep_pairs_parse(&pairs, ep_text_of(text), NULL), EP_OK);
	assert_int_equal(pairs.count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(pairs.items[i].code, expected[i].code);
		assert_int_equal(pairs.items[i].time, expected[i].time);
	}
}

static void
assert_refuses(const char *text, const char *words)
{
	struct ep_error err;
	EP_PAIRS struct ep_pairs pairs = { 0 };
	assert_int_equal(ep_pairs_parse(&pairs, ep_text_of("1 2"), &err), EP_OK);
	assert_int_equal(ep_pairs_parse(&pairs, ep_text_of(text), &err), EP_BAD_INPUT);
	assert_int_equal(err.status, EP_BAD_INPUT);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
	assert_int_equal(pairs.count, 1);
}

static void
a_code_string_is_parsed_in_its_order(void **state)
{
	(void)state;
	assert_parses_as(golden_text, golden, 4);
	assert_parses_as("2 9 1 3", (struct ep_pair[]){ { 2, 9 }, { 1, 3 } }, 2);
}

static void
a_code_string_is_printed_without_a_blank_at_the_end(void **state)
{
	(void)state;
	assert_prints_as(golden, 4, golden_text);
	assert_prints_as(NULL, 0, "");
}

static void
parsing_takes_more_blanks_and_leading_zeros(void **state)
{
	(void)state;
	const struct ep_pair one = { 12, 3 };
	assert_parses_as("   0012    3   ", &one, 1);
	assert_parses_as("00000000000000000000012 0000000000000000000000003", &one, 1);
	assert_parses_as("", NULL, 0);
	assert_parses_as("     ", NULL, 0);
}

static void
parsing_names_the_byte_of_a_mistake(void **state)
{
	(void)state;
	assert_refuses("12 3 x4 5", "byte 6 of the code string is neither a digit nor a blank");
	assert_refuses("101282 9 1023041 9 117392 9 139767 9 -18 9", "byte 38 ");
	assert_refuses("101282 9 1023041 9\n117392 9 139767 9", "byte 19 ");
	assert_refuses("1 2\t3 4", "byte 4 ");
	assert_refuses("1 2 3", "ends at byte 5, before the time");
	assert_refuses("1 2 3  ", "before the time of its last code");
	assert_refuses("1 2 4294967296 3", "code at byte 5 of the code string is above 4294967295");
	assert_refuses("1 2147483648", "time at byte 3 of the code string is above 2147483647");
}

static void
parsing_does_not_take_bytes_of_zero_for_a_time(void **state)
{
	(void)state;
	static const char text[] = "12 \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
	EP_PAIRS struct ep_pairs pairs = { 0 };
	struct ep_text bytes = { text, sizeof text - 1 };
	assert_int_equal(ep_pairs_parse(&pairs, bytes, NULL), EP_BAD_INPUT);
}

/* Around every number of digits, as a code and as a time. */
static void
numbers_of_every_size_come_back(void **state)
{
	(void)state;
	EP_PAIRS struct ep_pairs pairs = { 0 };
	for (uint64_t power = 1; power <= UINT32_MAX; power *= 10) {
		for (uint64_t value = power - 1; value <= power + 1; value++) {
			assert_int_equal(ep_pairs_reserve(&pairs, 1, NULL), EP_OK);
			uint32_t time = value > EP_TIME_MAX ? EP_TIME_MAX : (uint32_t)value;
			pairs.items[pairs.count++] = (struct ep_pair){ (uint32_t)value, time };
		}
	}
	pairs.items[0] = (struct ep_pair){ UINT32_MAX, EP_TIME_MAX };
	EP_BUFFER struct ep_buffer text = { 0 };
	EP_PAIRS struct ep_pairs again = { 0 };
	assert_int_equal(ep_pairs_print(&text, pairs.items, pairs.count, NULL), EP_OK);
	struct ep_text printed = { (const char *)text.data, text.size };
	assert_int_equal(ep_pairs_parse(&again, printed, NULL), EP_OK);
	assert_int_equal(again.count, pairs.count);
	assert_memory_equal(again.items, pairs.items, pairs.count * sizeof *pairs.items);
}

static void
codes_of_one_time_are_ordered_as_text(void **state)
{
	(void)state;
	struct ep_pair pairs[] = { { 99, 7 }, { 100, 7 },       { 9, 7 },       { 5, 10 },
		                   { 10, 7 }, { 1000000, 7 },   { 1048575, 7 }, { 100, 7 },
		                   { 1, 9 },  { 4294967295, 7 } };
	assert_false(ep_pairs_are_sorted(pairs, 10));
	assert_int_equal(ep_pairs_sort(pairs, 10, NULL), EP_OK);
	assert_true(ep_pairs_are_sorted(pairs, 10));
	assert_prints_as(pairs, 10,
	                 "10 7 100 7 100 7 1000000 7 1048575 7 4294967295 7 9 7 99 7 1 9 5 10");
}

/* The order as the original makes it: by the number, then by the printed text. */
static int
compare_as_text(const void *one, const void *other)
{
	const struct ep_pair *left = one;
	const struct ep_pair *right = other;
	if (left->time != right->time)
		return left->time < right->time ? -1 : 1;
	char left_text[32];
	char right_text[32];
	snprintf(left_text, sizeof left_text, "%lu %lu", (unsigned long)left->code,
	         (unsigned long)left->time);
	snprintf(right_text, sizeof right_text, "%lu %lu", (unsigned long)right->code,
	         (unsigned long)right->time);
	return strcmp(left_text, right_text);
}

static void
assert_sorts_as_text(unsigned time_bits, unsigned code_bits, size_t count)
{
	struct ep_pair *pairs = calloc(count, sizeof *pairs);
	struct ep_pair *expected = calloc(count, sizeof *expected);
	assert_non_null(pairs);
	assert_non_null(expected);
	uint64_t random = 88172645463325252U + time_bits;
	for (size_t i = 0; i < count; i++) {
		random = random * 6364136223846793005U + 1442695040888963407U;
		pairs[i].time = (uint32_t)(random >> 33) & ((1U << time_bits) - 1);
		random = random * 6364136223846793005U + 1442695040888963407U;
		pairs[i].code = (uint32_t)(random >> 32) >> (32 - code_bits);
		expected[i] = pairs[i];
	}
	qsort(expected, count, sizeof *expected, compare_as_text);
	assert_int_equal(ep_pairs_sort(pairs, count, NULL), EP_OK);
	assert_memory_equal(pairs, expected, count * sizeof *pairs);
	free(pairs);
	free(expected);
}

static void
any_list_is_sorted_as_its_text(void **state)
{
	(void)state;
	assert_sorts_as_text(1, 20, 4000); /* long groups of one time */
	assert_sorts_as_text(7, 20, 4000);
	assert_sorts_as_text(14, 32, 4000);
	assert_sorts_as_text(31, 10, 4000);
}

static void
assert_slice(const struct ep_slice *slice, const char *text)
{
	assert_int_equal(slice->size, strlen(text));
	assert_memory_equal(golden_text + slice->offset, text, slice->size);
}

static void
slices_are_cut_between_pairs(void **state)
{
	(void)state;
	struct ep_slice slices[] = { { .first = 0, .end = 9 },        { .first = 0, .end = 10 },
		                     { .first = 9, .end = 13 },       { .first = 10, .end = 13 },
		                     { .first = 13, .end = 20 },      { .first = 13, .end = 80000 },
		                     { .first = 80000, .end = 90000 } };
	EP_BUFFER struct ep_buffer text = { 0 };
	assert_int_equal(ep_buffer_append(&text, "before", 6, NULL), EP_OK);
	assert_int_equal(ep_pairs_print_slices(&text, golden, 4, slices, 7, NULL), EP_OK);
	assert_int_equal(text.size, 6 + strlen(golden_text));
	assert_slice(&slices[0], "");
	assert_slice(&slices[1], "101282 9 1023041 9");
	assert_slice(&slices[2], "101282 9 1023041 9 738 12");
	assert_slice(&slices[3], "738 12");
	assert_slice(&slices[4], "");
	assert_slice(&slices[5], "5 70000");
	assert_slice(&slices[6], "");
}

static void
printing_keeps_to_the_limit_of_the_buffer(void **state)
{
	(void)state;
	EP_BUFFER struct ep_buffer text = { .max = 16 };
	assert_int_equal(ep_buffer_append(&text, "before", 6, NULL), EP_OK);
	assert_int_equal(ep_pairs_print(&text, golden, 4, NULL), EP_NO_MEMORY);
	assert_int_equal(text.size, 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_code_string_is_parsed_in_its_order),
		cmocka_unit_test(a_code_string_is_printed_without_a_blank_at_the_end),
		cmocka_unit_test(parsing_takes_more_blanks_and_leading_zeros),
		cmocka_unit_test(parsing_names_the_byte_of_a_mistake),
		cmocka_unit_test(parsing_does_not_take_bytes_of_zero_for_a_time),
		cmocka_unit_test(numbers_of_every_size_come_back),
		cmocka_unit_test(codes_of_one_time_are_ordered_as_text),
		cmocka_unit_test(any_list_is_sorted_as_its_text),
		cmocka_unit_test(slices_are_cut_between_pairs),
		cmocka_unit_test(printing_keeps_to_the_limit_of_the_buffer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
