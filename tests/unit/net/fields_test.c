/* What header fields say is read as the standards say, and what is none is passed over. */
#include "net/fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SIZE 100U

static void
assert_range(const char *range, uint64_t from, uint64_t to)
{
	uint64_t got_from = 0;
	uint64_t got_to = 0;
	if (!ep_field_range(&got_from, &got_to, range, SIZE))
		fail_msg("\"%s\" is passed over", range);
	assert_int_equal(got_from, from);
	assert_int_equal(got_to, to);
}

static void
assert_passed_over(const char *range)
{
	uint64_t from;
	uint64_t to;
	if (ep_field_range(&from, &to, range, SIZE))
		fail_msg("\"%s\" is read", range);
}

static void
assert_beyond(const char *range)
{
	uint64_t from = 0;
	uint64_t to;
	if (!ep_field_range(&from, &to, range, SIZE))
		fail_msg("\"%s\" is passed over", range);
	assert_int_equal(from, SIZE);
}

static void
a_range_says_which_bytes(void **state)
{
	(void)state;
	assert_range("bytes=0-", 0, 99);
	assert_range("bytes=5-", 5, 99);
	assert_range("bytes=5-5", 5, 5);
	assert_range("bytes=5-77", 5, 77);
	assert_range("bytes=99-", 99, 99);
	assert_range("bytes=-1", 99, 99);
	assert_range("bytes=-100", 0, 99);
}

static void
a_range_ends_with_the_file(void **state)
{
	(void)state;
	assert_range("bytes=5-100", 5, 99);
	assert_range("bytes=5-18446744073709551616", 5, 99);
	assert_range("bytes=-101", 0, 99);
	assert_range("bytes=-18446744073709551615", 0, 99);
}

static void
a_range_behind_the_file_has_no_bytes(void **state)
{
	(void)state;
	assert_beyond("bytes=100-");
	assert_beyond("bytes=100-200");
	assert_beyond("bytes=18446744073709551616-");
	assert_beyond("bytes=-0");
}

static void
a_range_of_several_or_of_none_is_passed_over(void **state)
{
	(void)state;
	static const char *const ranges[] = { NULL,         "",           "bytes",
		                              "bytes=",     "bytes=-",    "bytes=5",
		                              "bytes=7-5",  "bytes=1-2,", "bytes=1-2,4-5",
		                              "bytes= 1-2", "bytes=1-2 ", "bytes=-1-2",
		                              "bytes=+1-2", "bytes=0x1-", "pages=1-2",
		                              "BYTES=1-2",  "bytes=1--2", "bytes=a-b" };
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
		assert_passed_over(ranges[i]);
}

static void
a_wait_is_in_seconds_and_has_a_limit(void **state)
{
	(void)state;
	assert_int_equal(ep_field_wait("wait=25"), 25);
	assert_int_equal(ep_field_wait("respond-async, wait=5"), 5);
	assert_int_equal(ep_field_wait("wait=60"), EP_FIELD_WAIT_MAX);
	assert_int_equal(ep_field_wait("wait=61"), EP_FIELD_WAIT_MAX);
	assert_int_equal(ep_field_wait("wait=18446744073709551617"), EP_FIELD_WAIT_MAX);
	assert_int_equal(ep_field_wait("wait=0"), 0);
	assert_int_equal(ep_field_wait("wait=-5"), 0);
	assert_int_equal(ep_field_wait("wait="), 0);
	assert_int_equal(ep_field_wait(""), 0);
	assert_int_equal(ep_field_wait(NULL), 0);
}

static void
a_tag_is_found_in_its_quotes(void **state)
{
	(void)state;
	assert_true(ep_field_has_tag("\"ab\"", "\"ab\""));
	assert_true(ep_field_has_tag("\"x\", W/\"ab\"", "\"ab\""));
	assert_true(ep_field_has_tag("*", "\"ab\""));
	assert_false(ep_field_has_tag("\"abc\"", "\"ab\""));
	assert_false(ep_field_has_tag("ab", "\"ab\""));
	assert_false(ep_field_has_tag("", "\"ab\""));
	assert_false(ep_field_has_tag(NULL, "\"ab\""));
}

/* The value of the ETag in a line, with room for seven characters; NULL: it is another header. */
static const char *
value_of(const char *line)
{
	static char value[8];
	memset(value, 'x', sizeof value);
	return ep_field_value(value, sizeof value, "ETag", line, strlen(line)) ? value : NULL;
}

static void
a_value_is_what_is_between_the_blanks(void **state)
{
	(void)state;
	assert_string_equal(value_of("ETag: \"ab\"\r\n"), "\"ab\"");
	assert_string_equal(value_of("etag:\"ab\""), "\"ab\"");
	assert_string_equal(value_of("ETAG: \t a b \t\r\n"), "a b");
	assert_string_equal(value_of("ETag:"), "");
	assert_string_equal(value_of("ETag: \r\n"), "");
	assert_string_equal(value_of("ETag: 1234567"), "1234567");
}

static void
a_value_that_is_too_long_or_no_text_is_empty(void **state)
{
	(void)state;
	assert_string_equal(value_of("ETag: 12345678"), "");
	assert_string_equal(value_of("ETag: a\x1b[2J"), "");
	assert_string_equal(value_of("ETag: a\x7f"), "");
	assert_string_equal(value_of("ETag: a\tb"), "");
}

static void
another_header_has_no_value(void **state)
{
	(void)state;
	assert_null(value_of("ETags: a"));
	assert_null(value_of("ETag : a"));
	assert_null(value_of("ETag"));
	assert_null(value_of(" ETag: a"));
	assert_null(value_of("X-ETag: a"));
	assert_null(value_of(""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_range_says_which_bytes),
		cmocka_unit_test(a_range_ends_with_the_file),
		cmocka_unit_test(a_range_behind_the_file_has_no_bytes),
		cmocka_unit_test(a_range_of_several_or_of_none_is_passed_over),
		cmocka_unit_test(a_wait_is_in_seconds_and_has_a_limit),
		cmocka_unit_test(a_tag_is_found_in_its_quotes),
		cmocka_unit_test(a_value_is_what_is_between_the_blanks),
		cmocka_unit_test(a_value_that_is_too_long_or_no_text_is_empty),
		cmocka_unit_test(another_header_has_no_value),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
