/* Fields of forms are found and decoded. */
#include "net/form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
assert_field(const char *form, const char *expected)
{
	EP_BUFFER struct ep_buffer value = { 0 };
	bool found;
	assert_int_equal(ep_form_field(&value, &found, ep_text_of(form), "code", NULL), EP_OK);
	if (!found)
		fail_msg("no field in \"%s\"", form);
	assert_int_equal(value.size, strlen(expected));
	if (value.size)
		assert_memory_equal(value.data, expected, value.size);
}

static void
assert_no_field(const char *form)
{
	EP_BUFFER struct ep_buffer value = { 0 };
	bool found;
	assert_int_equal(ep_form_field(&value, &found, ep_text_of(form), "code", NULL), EP_OK);
	if (found)
		fail_msg("a field in \"%s\"", form);
	assert_int_equal(value.size, 0);
}

static void
a_field_is_found_by_its_whole_name(void **state)
{
	(void)state;
	assert_field("code=1", "1");
	assert_field("a=b&code=1", "1");
	assert_field("a=b&code=1&c=d", "1");
	assert_field("fp_code=2&codes=3&code=1", "1");
	assert_field("&&code=1&", "1");
	assert_field("code=", "");
	assert_field("code==1", "=1");
}

static void
the_first_of_several_counts(void **state)
{
	(void)state;
	assert_field("code=1&code=2", "1");
	assert_field("code=&code=2", "");
}

static void
what_is_no_field_of_that_name_is_none(void **state)
{
	(void)state;
	assert_no_field("");
	assert_no_field("code");
	assert_no_field("code&a=code=1");
	assert_no_field("Code=1");
	assert_no_field("fp_code=1");
	assert_no_field("c%6fde=1");
}

static void
escapes_are_decoded(void **state)
{
	(void)state;
	assert_field("code=1+2%203", "1 2 3");
	assert_field("code=%2B%26%3d%25", "+&=%");
	assert_field("code=%c3%A9", "\xc3\xa9");
	assert_field("code=%2541", "%41");
}

static void
what_is_no_escape_stands_for_itself(void **state)
{
	(void)state;
	assert_field("code=%", "%");
	assert_field("code=%4", "%4");
	assert_field("code=%4&1=", "%4");
	assert_field("code=%zz%4g%-1", "%zz%4g%-1");
	assert_field("code=%%41", "%A");
}

static void
a_value_is_appended(void **state)
{
	(void)state;
	EP_BUFFER struct ep_buffer value = { 0 };
	bool found;
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			ep_form_field(&value, &found, ep_text_of("code=a%00b"), "code", NULL),
			EP_OK);
	assert_int_equal(value.size, 6);
	assert_memory_equal(value.data, "a\0ba\0b", 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_field_is_found_by_its_whole_name),
		cmocka_unit_test(the_first_of_several_counts),
		cmocka_unit_test(what_is_no_field_of_that_name_is_none),
		cmocka_unit_test(escapes_are_decoded),
		cmocka_unit_test(what_is_no_escape_stands_for_itself),
		cmocka_unit_test(a_value_is_appended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
