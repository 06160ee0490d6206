/* Numbers as options and as words, and what failures are called outside. */
#include "cli/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
a_number_is_whole_and_in_its_range(void **state)
{
	static const char *const bad[] = {
		"",   " 7", "7 ",  "-7",  "+7",  "7.0", "0x7",
		"7k", "4",  "101", "1e1", "\t7", "٧",   "18446744073709551623",
		"7\n"
	};
	struct ep_error err;
	uint64_t number = 1;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(ep_option_number(&number, "--lines", bad[i], 5, 100, &err),
		                 EP_USAGE);
		assert_int_equal(number, 1);
	}
	assert_string_equal(err.text,
	                    "--lines is \"7\n\", but must be a whole number from 5 to 100");
	assert_int_equal(ep_option_number(&number, "--lines", "5", 5, 100, NULL), EP_OK);
	assert_int_equal(number, 5);
	assert_int_equal(ep_option_number(&number, "--lines", "00100", 5, 100, NULL), EP_OK);
	assert_int_equal(number, 100);
	assert_int_equal(
		ep_option_number(&number, "--lines", "18446744073709551615", 0, UINT64_MAX, NULL),
		EP_OK);
	assert_true(number == UINT64_MAX);
	assert_int_equal(
		ep_option_number(&number, "--lines", "18446744073709551616", 0, UINT64_MAX, NULL),
		EP_USAGE);
}

static void
digits_come_in_threes(void **state)
{
	static const struct {
		uint64_t number;
		const char *text;
	} cases[] = { { 0, "0" },
		      { 999, "999" },
		      { 1000, "1,000" },
		      { 12345, "12,345" },
		      { 100000, "100,000" },
		      { 1234567, "1,234,567" },
		      { UINT64_MAX, "18,446,744,073,709,551,615" } };
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(ep_grouped(cases[i].number), cases[i].text);
	assert_string_equal(ep_counted(0, "track"), "0 tracks");
	assert_string_equal(ep_counted(1, "track"), "1 track");
	assert_string_equal(ep_counted(1000, "track"), "1,000 tracks");
}

static void
sizes_have_the_unit_that_is_short(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = { { 0, "0 bytes" },         { 999, "999 bytes" },    { 1000, "1.0 kB" },
		      { 1049, "1.0 kB" },       { 1051, "1.1 kB" },      { 999949, "999.9 kB" },
		      { 999950, "1.0 MB" },     { 12345678, "12.3 MB" }, { 5000000000, "5.0 GB" },
		      { UINT64_MAX, "18.4 EB" } };
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(ep_bytes_text(cases[i].bytes), cases[i].text);
}

static void
what_is_left_is_told_where_it_is_known(void **state)
{
	(void)state;
	assert_string_equal(ep_time_left(10, 1, 2), ", 0:10 left");
	assert_string_equal(ep_time_left(59.6, 1, 2), ", 1:00 left");
	assert_string_equal(ep_time_left(1, 1, 3601), ", 60:00 left");
	assert_string_equal(ep_time_left(10, 5, 5), ", 0:00 left");
	assert_string_equal(ep_time_left(10, 0, 5), "");
	assert_string_equal(ep_time_left(10, 6, 5), "");
	assert_string_equal(ep_time_left(10, 0, 0), "");
}

static void
eight_texts_stand_at_once(void **state)
{
	const char *texts[8];
	(void)state;
	for (uint64_t i = 0; i < 8; i++)
		texts[i] = ep_grouped(i);
	for (uint64_t i = 0; i < 8; i++) {
		assert_int_equal(texts[i][0], (int)('0' + i));
		assert_int_equal(texts[i][1], '\0');
	}
}

static void
each_kind_of_failure_has_its_exit_status(void **state)
{
	static const enum ep_exit exits[] = {
		[EP_OK] = EP_EXIT_DONE,
		[EP_NO_MEMORY] = EP_EXIT_FAILED,
		[EP_IO] = EP_EXIT_FAILED,
		[EP_NO_SPACE] = EP_EXIT_FAILED,
		[EP_NOT_FOUND] = EP_EXIT_FAILED,
		[EP_BAD_INPUT] = EP_EXIT_FAILED,
		[EP_CORRUPT] = EP_EXIT_DAMAGED,
		[EP_NEWER] = EP_EXIT_NEWER,
		[EP_INTERRUPTED] = EP_EXIT_FAILED,
		[EP_UNREACHABLE] = EP_EXIT_UNREACHABLE,
		[EP_DIVERGED] = EP_EXIT_DIVERGED,
		[EP_USAGE] = EP_EXIT_USAGE,
	};
	(void)state;
	for (enum ep_status status = EP_OK; status <= EP_USAGE; status++)
		assert_int_equal(ep_exit_of(status), exits[status]);
	/* Scripts know them by number. */
	assert_int_equal(EP_EXIT_USAGE, 2);
	assert_int_equal(EP_EXIT_PARTLY, 3);
	assert_int_equal(EP_EXIT_UNREACHABLE, 4);
	assert_int_equal(EP_EXIT_DIVERGED, 5);
	assert_int_equal(EP_EXIT_NEWER, 6);
	assert_int_equal(EP_EXIT_DAMAGED, 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_is_whole_and_in_its_range),
		cmocka_unit_test(digits_come_in_threes),
		cmocka_unit_test(sizes_have_the_unit_that_is_short),
		cmocka_unit_test(what_is_left_is_told_where_it_is_known),
		cmocka_unit_test(eight_texts_stand_at_once),
		cmocka_unit_test(each_kind_of_failure_has_its_exit_status),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
