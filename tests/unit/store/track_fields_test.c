/* Fields of a track: what is allowed, how changes join what is there, and their bytes. */
#include "store/track_fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct ep_fields none;

static struct ep_field
field_of(const char *key, const char *value)
{
	return (struct ep_field){ ep_text_of(key), ep_text_of(value) };
}

static enum ep_status
check(const char *key, const char *value)
{
	struct ep_field field = field_of(key, value);
	return ep_field_check(&field, NULL);
}

static void
keys_and_values_have_their_characters_and_sizes(void **state)
{
	(void)state;
	char key[EP_FIELD_KEY_MAX + 2] = { 0 };
	char value[EP_FIELD_VALUE_MAX + 2] = { 0 };
	memset(key, 'k', EP_FIELD_KEY_MAX);
	memset(value, 'v', EP_FIELD_VALUE_MAX);
	assert_int_equal(check("isrc", "USRC17607839"), EP_OK);
	assert_int_equal(check("a-z_0.9", " \xe2\x82\xac=\"'\\ "), EP_OK);
	assert_int_equal(check(key, value), EP_OK);
	key[EP_FIELD_KEY_MAX] = 'k';
	assert_int_equal(check(key, "v"), EP_BAD_INPUT);
	value[EP_FIELD_VALUE_MAX] = 'v';
	assert_int_equal(check("k", value), EP_BAD_INPUT);
	static const char *const bad_keys[] = { "", "ISRC", "a b", "\xc3\xa4", "a=b", "a/b" };
	for (size_t i = 0; i < sizeof bad_keys / sizeof *bad_keys; i++)
		assert_int_equal(check(bad_keys[i], "v"), EP_BAD_INPUT);
	static const char *const bad_values[] = { "", "a\nb", "\x7f", "\xc2\x85", "\xff", "\t" };
	for (size_t i = 0; i < sizeof bad_values / sizeof *bad_values; i++)
		assert_int_equal(check("k", bad_values[i]), EP_BAD_INPUT);
	struct ep_field nul = { ep_text_of("k"), { "a\0b", 3 } };
	assert_int_equal(ep_field_check(&nul, NULL), EP_BAD_INPUT);
}

static void
a_field_is_read_from_key_and_value(void **state)
{
	(void)state;
	struct ep_field field;
	assert_int_equal(ep_field_parse(&field, ep_text_of("a=b=c"), NULL), EP_OK);
	assert_true(ep_text_equal(field.key, ep_text_of("a")));
	assert_true(ep_text_equal(field.value, ep_text_of("b=c")));
	assert_int_equal(ep_field_parse(&field, ep_text_of("a="), NULL), EP_OK);
	assert_int_equal(field.value.size, 0);
	assert_int_equal(ep_field_parse(&field, ep_text_of("a"), NULL), EP_BAD_INPUT);
	assert_int_equal(ep_field_parse(&field, ep_text_of(""), NULL), EP_BAD_INPUT);
	assert_int_equal(ep_field_parse(&field, ep_text_of("A=b"), NULL), EP_BAD_INPUT);
	assert_int_equal(ep_field_parse(&field, ep_text_of("a=\n"), NULL), EP_BAD_INPUT);
}

static void
changes_join_what_is_there(void **state)
{
	(void)state;
	EP_ARENA struct ep_arena arena = { 0 };
	struct ep_fields first;
	struct ep_fields second;
	const struct ep_field set[] = { field_of("m", "1"), field_of("z", "2"), field_of("a", "3"),
		                        field_of("m", "4") };
	const struct ep_field more[] = { field_of("z", ""), field_of("b", "5"), field_of("c", ""),
		                         field_of("a", "6"), field_of("a", "") };
	assert_int_equal(ep_fields_join(&first, &none, set, 4, &arena, NULL), EP_OK);
	const struct ep_field sorted[] = { field_of("a", "3"), field_of("m", "4"),
		                           field_of("z", "2") };
	assert_true(ep_fields_equal(&first, &(struct ep_fields){ sorted, 3 }));
	assert_int_equal(ep_fields_check(&first, NULL), EP_OK);
	assert_int_equal(ep_fields_join(&second, &first, more, 5, &arena, NULL), EP_OK);
	const struct ep_field left[] = { field_of("b", "5"), field_of("m", "4") };
	assert_true(ep_fields_equal(&second, &(struct ep_fields){ left, 2 }));
	assert_true(ep_text_equal(ep_fields_find(&second, ep_text_of("m")), ep_text_of("4")));
	assert_int_equal(ep_fields_find(&second, ep_text_of("a")).size, 0);
	assert_int_equal(ep_fields_join(&second, &first, NULL, 0, &arena, NULL), EP_OK);
	assert_true(ep_fields_equal(&second, &first));
	const struct ep_field bad = field_of("BAD", "");
	assert_int_equal(ep_fields_join(&second, &first, &bad, 1, &arena, NULL), EP_BAD_INPUT);
}

/* So many fields, each with a value of so many bytes. */
static enum ep_status
join_many(size_t count, size_t size)
{
	EP_ARENA struct ep_arena arena = { 0 };
	static char keys[EP_FIELDS_MAX + 1][8];
	static char value[EP_FIELD_VALUE_MAX];
	struct ep_field items[EP_FIELDS_MAX + 1];
	struct ep_fields fields;
	memset(value, 'v', sizeof value);
	for (size_t i = 0; i < count; i++) {
		snprintf(keys[i], sizeof keys[i], "%zu", i + 100);
		items[i] = (struct ep_field){ ep_text_of(keys[i]), { value, size } };
	}
	return ep_fields_join(&fields, &none, items, count, &arena, NULL);
}

static void
a_track_has_at_most_64_fields_and_16_kib(void **state)
{
	(void)state;
	assert_int_equal(join_many(64, 1), EP_OK);
	assert_int_equal(join_many(65, 1), EP_BAD_INPUT);
	assert_int_equal(join_many(64, 253), EP_OK); /* 64 * 256 bytes */
	assert_int_equal(join_many(64, 254), EP_BAD_INPUT);
}

static void
bytes_come_back_and_what_is_not_allowed_is_refused(void **state)
{
	(void)state;
	static const char good[] = "\2\1a\1b\4isrc\1x";
	static const char *const bad[] = {
		"\1",      "\1\1a",    "\1\1a\2b",  "\2\1a\1b\1a\1c", "\2\1b\1a\1a\1b",
		"\1\0\1a", "\1\1A\1b", "\1\1a\1\n", "\xc1\1",         "\x41\1a\1b",
	};
	EP_ARENA struct ep_arena arena = { 0 };
	EP_BUFFER struct ep_buffer again = { 0 };
	struct ep_fields fields;
	struct ep_reader reader = ep_reader_of(good, sizeof good - 1);
	assert_int_equal(ep_fields_read(&fields, &reader, &arena, NULL), EP_OK);
	assert_int_equal(fields.count, 2);
	assert_int_equal(ep_fields_write(&again, &fields, NULL), EP_OK);
	assert_int_equal(again.size, sizeof good - 1);
	assert_memory_equal(again.data, good, again.size);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		reader = ep_reader_of(bad[i], strlen(bad[i]));
		assert_int_equal(ep_fields_read(&fields, &reader, &arena, NULL), EP_CORRUPT);
	}
	reader = ep_reader_of("\0", 1);
	assert_int_equal(ep_fields_read(&fields, &reader, &arena, NULL), EP_CORRUPT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_and_values_have_their_characters_and_sizes),
		cmocka_unit_test(a_field_is_read_from_key_and_value),
		cmocka_unit_test(changes_join_what_is_there),
		cmocka_unit_test(a_track_has_at_most_64_fields_and_16_kib),
		cmocka_unit_test(bytes_come_back_and_what_is_not_allowed_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
