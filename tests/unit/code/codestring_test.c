#include "code/codestring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>

#include <cmocka.h>

/* Made with Python's zlib and base64, of the pairs 738 12, 1023041 9, 5 70001. */
static const struct ep_pair three[] = { { 738, 12 }, { 1023041, 9 }, { 5, 70001 } };
static const char three_packed[] = "eJwzMDAwSAZiA0tDQ0NzQwMDo1SjNMtkE0OQmCkAZNEGnQ==";
static const char three_upper_case[] = "eJwzMDAwcAZiA0tDQ0NzQwMDI1cjN0tnE0OQmCkAXdEGHQ==";
static const char three_plain[] = "eJwzN7ZQMDRSMDQwMjYwMVSwVDBVMDcwMDAEADdrBGc=";
static const char standard_alphabet[] =
	"eJwFwYENACAIA8GVniAYx5G07j+Cd5BpWD1QE3B6lHXkkG8Zt17G/s1cCqQ=";

static void
assert_decodes_to_three(const char *text, size_t size)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	struct ep_text packed = { text, size };
	struct ep_error err = { 0 };
	if (ep_codestring_decode(&pairs, packed, &err) != EP_OK)
		fail_msg("%s", err.text);
	assert_int_equal(pairs.count, 3);
	assert_memory_equal(pairs.items, three, sizeof three);
}

static void
assert_refuses(const char *text, const char *words)
{
	struct ep_error err;
	EP_PAIRS struct ep_pairs pairs = { 0 };
	assert_int_equal(ep_codestring_decode(&pairs, ep_text_of(text), &err), EP_BAD_INPUT);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
	assert_int_equal(pairs.count, 0);
}

/* Packs a text as a code string, whatever it is. */
static void
pack(struct ep_buffer *out, const char *text, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(6);
	assert_non_null(compressor);
	size_t room = libdeflate_zlib_compress_bound(compressor, size) + 3;
	uint8_t *stream = calloc(1, room);
	assert_non_null(stream);
	size_t used = libdeflate_zlib_compress(compressor, text, size, stream, room);
	libdeflate_free_compressor(compressor);
	for (size_t bit = 0; bit < used * 8; bit += 6) {
		unsigned two = (unsigned)stream[bit / 8] << 8 | stream[bit / 8 + 1];
		char digit = digits[two >> (10 - bit % 8) & 63];
		assert_int_equal(ep_buffer_append(out, &digit, 1, NULL), EP_OK);
	}
	assert_int_equal(ep_buffer_append(out, "", 1, NULL), EP_OK);
	free(stream);
}

static void
assert_refuses_packed(const char *text, const char *words)
{
	EP_BUFFER struct ep_buffer packed = { 0 };
	pack(&packed, text, strlen(text));
	assert_refuses((const char *)packed.data, words);
}

static void
a_packed_code_string_is_times_and_codes_in_hex(void **state)
{
	(void)state;
	assert_decodes_to_three(three_packed, strlen(three_packed));
	assert_decodes_to_three(three_upper_case, strlen(three_upper_case));
}

static void
padding_may_be_missing(void **state)
{
	(void)state;
	assert_int_equal(three_packed[strlen(three_packed) - 1], '=');
	assert_decodes_to_three(three_packed, strcspn(three_packed, "="));
}

static void
both_alphabets_of_base64_are_read(void **state)
{
	(void)state;
	EP_PAIRS struct ep_pairs one = { 0 };
	EP_PAIRS struct ep_pairs other = { 0 };
	char url_safe[sizeof standard_alphabet];
	memcpy(url_safe, standard_alphabet, sizeof url_safe);
	size_t changed = 0;
	for (char *c = url_safe; *c; c++) {
		changed += *c == '+' || *c == '/';
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	}
	assert_true(changed > 1);
	assert_int_equal(ep_codestring_decode(&one, ep_text_of(standard_alphabet), NULL), EP_OK);
	assert_int_equal(ep_codestring_decode(&other, ep_text_of(url_safe), NULL), EP_OK);
	assert_int_equal(one.count, other.count);
	assert_true(one.count > 0);
	assert_memory_equal(one.items, other.items, one.count * sizeof *one.items);
}

static void
plain_code_strings_are_read_packed_or_not(void **state)
{
	(void)state;
	static const char plain[] = "738 12 1023041 9 5 70001";
	assert_decodes_to_three(plain, strlen(plain));
	assert_decodes_to_three(three_plain, strlen(three_plain));
	assert_true(ep_codestring_is_plain(ep_text_of(plain)));
	assert_true(ep_codestring_is_plain(ep_text_of("")));
	assert_false(ep_codestring_is_plain(ep_text_of(three_packed)));
}

static void
silence_has_no_pairs(void **state)
{
	(void)state;
	EP_PAIRS struct ep_pairs pairs = { 0 };
	EP_BUFFER struct ep_buffer packed = { 0 };
	assert_int_equal(ep_codestring_decode(&pairs, ep_text_of(""), NULL), EP_OK);
	assert_int_equal(pairs.count, 0);
	assert_int_equal(ep_codestring_encode(&packed, NULL, 0, NULL), EP_OK);
	assert_int_equal(packed.size, 0);
	pack(&packed, "", 0);
	struct ep_text empty_stream = ep_text_of((const char *)packed.data);
	assert_int_equal(ep_codestring_decode(&pairs, empty_stream, NULL), EP_OK);
	assert_int_equal(pairs.count, 0);
}

static void
mistakes_are_named(void **state)
{
	(void)state;
	assert_refuses("eJw$", "byte 4 of the code string is not base64");
	assert_refuses("eJwzM DI", "byte 6 of the code string is not base64");
	assert_refuses("eJwz=", "byte 5 of the code string is not base64");
	assert_refuses("eJwzM", "truncated: 5 characters");
	assert_refuses("eJwzMDAA", "not base64 of a whole zlib stream");
	assert_refuses("none", "not base64 of a whole zlib stream");
	assert_refuses_packed("0000900aaa0",
	                      "decompresses to 11 bytes, which are not whole pairs of 10 bytes");
	assert_refuses_packed("0000900aa", "decompresses to 9 bytes");
	assert_refuses_packed("0000900xaa", "byte 8 of the decompressed code string");
	assert_refuses_packed("1 2 x", "decompressed: byte 5 of the code string is neither");
}

static void
a_cut_or_changed_stream_is_refused(void **state)
{
	(void)state;
	EP_PAIRS struct ep_pairs pairs = { 0 };
	size_t size = strcspn(three_packed, "=");
	for (size_t cut = 1; cut < size; cut++) {
		struct ep_text part = { three_packed, cut };
		assert_int_equal(ep_codestring_decode(&pairs, part, NULL), EP_BAD_INPUT);
	}
}

static void
a_small_string_that_unpacks_to_too_much_is_refused(void **state)
{
	(void)state;
	size_t size = EP_CODESTRING_UNPACKED_MAX + 10;
	char *zeros = malloc(size);
	assert_non_null(zeros);
	memset(zeros, '0', size);
	EP_BUFFER struct ep_buffer packed = { 0 };
	pack(&packed, zeros, size);
	free(zeros);
	assert_refuses((const char *)packed.data, "decompresses to more than 67108864 bytes");
}

static void
pairs_are_packed_so_that_they_come_back(void **state)
{
	(void)state;
	EP_BUFFER struct ep_buffer packed = { 0 };
	assert_int_equal(ep_codestring_encode(&packed, three, 3, NULL), EP_OK);
	assert_int_equal(packed.size % 4, 0);
	assert_decodes_to_three((const char *)packed.data, packed.size);
}

static void
numbers_above_five_hex_digits_are_packed_as_plain_text(void **state)
{
	(void)state;
	const struct ep_pair wide[] = { { UINT32_MAX, 3 }, { 3, EP_TIME_MAX } };
	EP_BUFFER struct ep_buffer packed = { 0 };
	EP_PAIRS struct ep_pairs pairs = { 0 };
	assert_int_equal(ep_codestring_encode(&packed, wide, 2, NULL), EP_OK);
	struct ep_text text = { (const char *)packed.data, packed.size };
	assert_false(ep_codestring_is_plain(text));
	assert_int_equal(ep_codestring_decode(&pairs, text, NULL), EP_OK);
	assert_int_equal(pairs.count, 2);
	assert_memory_equal(pairs.items, wide, sizeof wide);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packed_code_string_is_times_and_codes_in_hex),
		cmocka_unit_test(padding_may_be_missing),
		cmocka_unit_test(both_alphabets_of_base64_are_read),
		cmocka_unit_test(plain_code_strings_are_read_packed_or_not),
		cmocka_unit_test(silence_has_no_pairs),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(a_cut_or_changed_stream_is_refused),
		cmocka_unit_test(a_small_string_that_unpacks_to_too_much_is_refused),
		cmocka_unit_test(pairs_are_packed_so_that_they_come_back),
		cmocka_unit_test(numbers_above_five_hex_digits_are_packed_as_plain_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
