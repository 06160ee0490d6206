#include "base/arena.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/sort64.h"
#include "base/text.h"
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void
a_buffer_grows_up_to_its_limit(void **state)
{
	(void)state;
	EP_BUFFER struct ep_buffer buffer = { .max = 1000 };
	uint8_t bytes[700] = { 1 };
	assert_int_equal(ep_buffer_append(&buffer, bytes, sizeof bytes, NULL), EP_OK);
	struct ep_error err;
	assert_int_equal(ep_buffer_append(&buffer, bytes, sizeof bytes, &err), EP_NO_MEMORY);
	assert_non_null(strstr(err.text, "1000"));
	assert_int_equal(buffer.size, 700);
	assert_int_equal(ep_buffer_append(&buffer, bytes, 300, NULL), EP_OK);
	assert_int_equal(buffer.data[0], 1);
}

static void
varints_come_back_and_take_the_bytes_of_leb128(void **state)
{
	(void)state;
	static const struct {
		uint64_t value;
		size_t size;
	} cases[] = { { 0, 1 },     { 127, 1 },        { 128, 2 },        { 16383, 2 },
		      { 16384, 3 }, { UINT32_MAX, 5 }, { UINT64_MAX, 10 } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t bytes[EP_VARINT_MAX];
		assert_int_equal(ep_varint_store(bytes, cases[i].value), cases[i].size);
		struct ep_reader reader = ep_reader_of(bytes, cases[i].size);
		assert_true(ep_read_varint(&reader) == cases[i].value);
		assert_true(reader.ok);
		assert_int_equal(ep_reader_left(&reader), 0);
	}
}

static void
a_reader_refuses_varints_that_are_long_cut_or_too_large(void **state)
{
	(void)state;
	static const struct {
		uint8_t bytes[11];
		size_t size;
	} cases[] = {
		{ { 0x80, 0x00 }, 2 },
		{ { 0x80 }, 1 },
		{ { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02 }, 10 },
		{ { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81, 0x00 }, 11 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ep_reader reader = ep_reader_of(cases[i].bytes, cases[i].size);
		assert_int_equal(ep_read_varint(&reader), 0);
		assert_false(reader.ok);
		assert_int_equal(ep_read8(&reader), 0);
	}
}

static void
moments_are_written_and_read_as_the_original_writes_them(void **state)
{
	(void)state;
	char text[EP_TIME_TEXT];
	ep_time_print(text, 1330000000);
	assert_string_equal(text, "2012-02-23T12:26:40Z");
	int64_t moment;
	assert_true(ep_time_parse(&moment, ep_text_of(text)));
	assert_int_equal(moment, 1330000000);
	ep_time_print(text, EP_TIME_LAST + 5);
	assert_string_equal(text, "9999-12-31T23:59:59Z");
	static const char *const wrong[] = {
		"2012-02-30T00:00:00Z",
		"2012-13-01T00:00:00Z",
		"2012-02-23 12:26:40Z",
		"2012-02-23T12:26:60Z",
		"2012-02-23T12:26:40",
		"2012-2-23T12:26:40ZZ",
		"",
		"+012-02-23T12:26:40Z",
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(ep_time_parse(&moment, ep_text_of(wrong[i])));
}

static void
only_shortest_utf8_without_surrogates_is_utf8(void **state)
{
	(void)state;
	static const char *const good[] = { "",
		                            "abc",
		                            "\xc2\x80",
		                            "\xe0\xa0\x80",
		                            "\xed\x9f\xbf",
		                            "\xf0\x90\x80\x80",
		                            "\xf4\x8f\xbf\xbf",
		                            "Bj\xc3\xb6rk" };
	static const char *const bad[] = {
		"\x80",         "\xc0\xaf",         "\xc1\xbf",         "\xe0\x9f\xbf",
		"\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xc3",         "\xe2\x82",         "\xe2\x28\xa1"
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(ep_text_is_utf8(ep_text_of(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(ep_text_is_utf8(ep_text_of(bad[i])));
}

static void
pieces_of_an_arena_stay_where_they_are(void **state)
{
	(void)state;
	EP_ARENA struct ep_arena arena = { 0 };
	char *first = ep_arena_alloc(&arena, 10);
	memcpy(first, "123456789", 10);
	char *large = ep_arena_alloc(&arena, 1 << 20);
	memset(large, 7, 1 << 20);
	for (int i = 0; i < 10000; i++)
		memset(ep_arena_alloc(&arena, 100), i, 100);
	assert_string_equal(first, "123456789");
	assert_int_equal(large[(1 << 20) - 1], 7);
	ep_arena_reset(&arena);
	assert_non_null(ep_arena_alloc(&arena, 0));
	assert_null(ep_arena_alloc(&arena, SIZE_MAX));
}

static void
hashes_are_those_of_their_standards(void **state)
{
	(void)state;
	char text[EP_HASH_TEXT];
	struct ep_hash hash;
	struct ep_sha256 sha;
	ep_sha256_init(&sha);
	ep_sha256_add(&sha, "abc", 3);
	ep_sha256_done(&hash, &sha);
	ep_hash_print(text, &hash);
	assert_string_equal(text,
	                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	struct ep_hasher hasher;
	ep_hasher_init(&hasher);
	ep_hasher_done(&hash, &hasher);
	ep_hash_print(text, &hash);
	assert_string_equal(text,
	                    "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
	assert_int_equal(ep_crc32("123456789", 9), 0xcbf43926U);
}

static int
compare_keys(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one;
	uint64_t b = *(const uint64_t *)other;
	return a < b ? -1 : a > b;
}

/* The low 12 bits number the keys, so that those that keep their order are sorted as a whole. */
static void
keys_are_sorted_by_their_high_bits_and_equal_ones_keep_their_order(void **state)
{
	(void)state;
	static const uint64_t masks[] = {
		UINT64_MAX, 0, 0x1000, (uint64_t)0xff << 56, (uint64_t)7 << 40, (uint64_t)3 << 21,
	};
	uint64_t keys[4000];
	uint64_t scratch[4000];
	uint64_t expected[4000];
	for (size_t m = 0; m < sizeof masks / sizeof *masks; m++) {
		uint64_t random = 1;
		for (size_t i = 0; i < 4000; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			keys[i] = ((random ^ random >> 32) & masks[m]) >> 12 << 12 | i;
		}
		memcpy(expected, keys, sizeof keys);
		qsort(expected, 4000, sizeof *expected, compare_keys);
		ep_sort64(keys, scratch, 4000, 12);
		assert_memory_equal(keys, expected, sizeof keys);
	}
	ep_sort64(keys, scratch, 0, 0);
}

static void
a_folder_is_made_with_those_above_it(void **state)
{
	(void)state;
	char root[] = "/tmp/ep-base-XXXXXX";
	assert_non_null(mkdtemp(root));
	EP_FREE char *middle = ep_path_join(root, "a");
	EP_FREE char *leaf = ep_path_join(middle, "b/");
	assert_int_equal(ep_make_folder(leaf, NULL), EP_OK);
	assert_int_equal(ep_make_folder(leaf, NULL), EP_OK);
	struct stat info;
	assert_int_equal(stat(leaf, &info), 0);
	EP_FREE char *file = ep_path_join(middle, "file");
	fclose(fopen(file, "w"));
	struct ep_error err;
	assert_int_equal(ep_make_folder(file, &err), EP_IO);
	assert_non_null(strstr(err.text, "file"));
	unlink(file);
	rmdir(leaf);
	rmdir(middle);
	rmdir(root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_buffer_grows_up_to_its_limit),
		cmocka_unit_test(varints_come_back_and_take_the_bytes_of_leb128),
		cmocka_unit_test(a_reader_refuses_varints_that_are_long_cut_or_too_large),
		cmocka_unit_test(moments_are_written_and_read_as_the_original_writes_them),
		cmocka_unit_test(only_shortest_utf8_without_surrogates_is_utf8),
		cmocka_unit_test(pieces_of_an_arena_stay_where_they_are),
		cmocka_unit_test(hashes_are_those_of_their_standards),
		cmocka_unit_test(
			keys_are_sorted_by_their_high_bits_and_equal_ones_keep_their_order),
		cmocka_unit_test(a_folder_is_made_with_those_above_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
