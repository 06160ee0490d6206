#include "code/stored/packed.h"

#include "code/pairs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
assert_packs_to(const struct ep_pair *pairs, size_t count, const char *bytes, size_t size)
{
	EP_BUFFER struct ep_buffer packed = { 0 };
	EP_PAIRS struct ep_pairs back = { 0 };
	assert_int_equal(ep_packed_encode(&packed, pairs, count, NULL), EP_OK);
	assert_int_equal(packed.size, size);
	assert_memory_equal(packed.data, bytes, size);
	assert_int_equal(ep_packed_decode(&back, packed.data, size, count, NULL), EP_OK);
	assert_int_equal(back.count, count);
	if (count > 0)
		assert_memory_equal(back.items, pairs, count * sizeof *pairs);
}

static void
the_packed_form_is_as_its_table_says(void **state)
{
	(void)state;
	const struct ep_pair plain[] = {
		{ 0x12345, 9 }, { 0xabcde, 9 }, { 0xfffff, 9 }, { 1, 300 }
	};
	assert_packs_to(plain, 4,
	                "\x00\x09\x03\x45\x23\xe1\xcd\xab\xff\xff\x0f\xa3\x02\x01\x01\x00\x00", 17);
	const struct ep_pair wide[] = { { 0x100000, 1 } };
	assert_packs_to(wide, 1, "\x01\x01\x01\x00\x00\x10\x00", 7);
	const struct ep_pair back[] = { { 1, 3 }, { 2, 1 } };
	assert_packs_to(back, 2, "\x02\x06\x01\x01\x00\x00\x03\x01\x02\x00\x00", 11);
	const struct ep_pair both[] = { { UINT32_MAX, EP_TIME_MAX }, { 0, 0 } };
	assert_packs_to(both, 2,
	                "\x03\xfe\xff\xff\xff\x0f\x01\xff\xff\xff\xff"
	                "\xfd\xff\xff\xff\x0f\x01\x00\x00\x00\x00",
	                21);
	assert_packs_to(NULL, 0, "\x00", 1);
}

static void
a_list_is_packed_in_one_way_only(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t size;
	} other[] = {
		{ "", 0 },
		{ "\x01", 1 }, /* kind that is not needed */
		{ "\x02\x06\x01\x01\x00\x00", 6 },
		{ "\x00\x06\x00", 3 }, /* group of no codes */
		{ "\x00\x06\x01\x01\x00\x00\x00\x01\x01\x00\x00", 11 }, /* the same time again */
		{ "\x00\x86\x00\x01\x01\x00\x00", 7 }, /* varint with a zero behind */
		{ "\x00\x06\x01\x01\x00\x10", 6 }, /* 21 bits */
		{ "\x00\x06\x02\x01\x00\x00", 6 }, /* cut off */
		{ "\x00\x06", 2 },
		{ "\x00\xff\xff\xff\xff\x0f\x01\x01\x00\x00", 10 }, /* time out of range */
		{ "\x02\x01\x01\x01\x00\x00", 6 }, /* time below 0 */
	};
	EP_PAIRS struct ep_pairs pairs = { 0 };
	for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
		const uint8_t *bytes = (const uint8_t *)other[i].bytes;
		assert_int_equal(ep_packed_decode(&pairs, bytes, other[i].size, 100, NULL),
		                 EP_CORRUPT);
		assert_int_equal(pairs.count, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_packed_form_is_as_its_table_says),
		cmocka_unit_test(a_list_is_packed_in_one_way_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
