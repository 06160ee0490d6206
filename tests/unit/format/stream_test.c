#include "format/stream.h"
#include "tests/input.h"

#include "format/compress.h"

#include <lzma.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

/* Appends text, packed as one stream. */
typedef void pack_function(struct ep_buffer *out, const char *text, size_t size);

static void
pack_gzip(struct ep_buffer *out, const char *text, size_t size)
{
	z_stream zlib = { 0 };
	assert_int_equal(deflateInit2(&zlib, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY),
	                 Z_OK);
	assert_int_equal(ep_buffer_reserve(out, size + 1000, NULL), EP_OK);
	zlib.next_in = (z_const Bytef *)(uintptr_t)text;
	zlib.avail_in = (uInt)size;
	zlib.next_out = out->data + out->size;
	zlib.avail_out = (uInt)(out->capacity - out->size);
	assert_int_equal(deflate(&zlib, Z_FINISH), Z_STREAM_END);
	out->size += zlib.total_out;
	deflateEnd(&zlib);
}

static void
pack_bzip2(struct ep_buffer *out, const char *text, size_t size)
{
	assert_int_equal(ep_compress_block(out, EP_COMPRESS_BZIP2, text, size, NULL), EP_OK);
}

static void
pack_zstd(struct ep_buffer *out, const char *text, size_t size)
{
	assert_int_equal(ep_compress_block(out, EP_COMPRESS_ZSTD, text, size, NULL), EP_OK);
}

static void
pack_xz(struct ep_buffer *out, const char *text, size_t size)
{
	size_t at = 0;
	assert_int_equal(ep_buffer_reserve(out, size + 1000, NULL), EP_OK);
	assert_int_equal(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC64, NULL, (const uint8_t *)text,
	                                         size, out->data + out->size, &at, size + 1000),
	                 LZMA_OK);
	out->size += at;
}

static const struct format {
	const char *name;
	pack_function *pack;
	size_t telling; /* bytes of a cut-off front that show the format */
} formats[] = {
	{ "gzip", pack_gzip, 2 },
	{ "bzip2", pack_bzip2, 4 },
	{ "zstd", pack_zstd, 2 },
	{ "xz", pack_xz, 2 },
};

#define FORMATS (sizeof formats / sizeof *formats)

/* Unpacks to the end or the first failure; read and given out in pieces. */
static enum ep_status
unpack(struct ep_buffer *out, const struct ep_buffer *packed, size_t piece, const char **name,
       struct ep_error *err)
{
	struct input input = { packed->data, packed->size, piece };
	struct ep_stream *stream = NULL;
	uint8_t bytes[5000];
	size_t got = 0;
	enum ep_status status = ep_stream_open(
		&stream, (struct ep_source){ .read = read_input, .context = &input }, err);
	out->size = 0;
	while (status == EP_OK) {
		size_t size = piece < sizeof bytes ? piece : sizeof bytes;
		status = ep_stream_read(stream, bytes, size, &got, err);
		if (status != EP_OK || got == 0)
			break;
		assert_true(got <= size);
		assert_int_equal(ep_buffer_append(out, bytes, got, NULL), EP_OK);
	}
	if (status == EP_OK) {
		assert_int_equal(input.size, 0);
		assert_int_equal(ep_stream_read(stream, bytes, 1, &got, err), EP_OK);
		assert_int_equal(got, 0);
	} else {
		/* It keeps failing. */
		assert_int_equal(ep_stream_read(stream, bytes, 1, &got, NULL), status);
	}
	*name = ep_stream_format_name(stream);
	ep_stream_close(stream);
	return status;
}

static void
assert_unpacks(const struct ep_buffer *packed, size_t piece, const char *name, const char *text,
               size_t size)
{
	EP_BUFFER struct ep_buffer out = { 0 };
	struct ep_error err = { EP_OK, "" };
	const char *found;
	enum ep_status status = unpack(&out, packed, piece, &found, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(status, EP_OK);
	assert_string_equal(found, name);
	assert_int_equal(out.size, size);
	if (size > 0)
		assert_memory_equal(out.data, text, size);
}

/* A text that packs, but not to nothing. */
static char *
make_text(size_t size)
{
	char *text = malloc(size + 1);
	uint32_t random = 1;
	assert_non_null(text);
	for (size_t i = 0; i < size; i++) {
		random = random * 1664525 + 1013904223;
		text[i] = "0123456789 "[(random >> 16) % 11];
	}
	text[size] = '\0';
	return text;
}

static void
plain_input_passes_through(void **state)
{
	(void)state;
	const char *texts[] = { "",
		                "T",
		                "BZh",
		                "BZh9",
		                "BZh10,4.12,1 2,240,,,\r\n",
		                "TRABC,4.12,1 2 3 4,240,a,b,c\r\n" };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		size_t size = strlen(texts[i]);
		struct ep_buffer plain = { (uint8_t *)(uintptr_t)texts[i], size, size, 0 };
		if (size == 4)
			continue; /* four bytes of bzip2, cut off */
		for (size_t piece = 1; piece < 50; piece++)
			assert_unpacks(&plain, piece, "plain", texts[i], size);
	}
}

static void
each_format_is_recognised_and_unpacked(void **state)
{
	(void)state;
	char *text = make_text(300000);
	for (size_t i = 0; i < FORMATS; i++) {
		EP_BUFFER struct ep_buffer packed = { 0 };
		formats[i].pack(&packed, text, 300000);
		assert_unpacks(&packed, 100000, formats[i].name, text, 300000);
		assert_unpacks(&packed, 13, formats[i].name, text, 300000);
	}
	free(text);
}

static void
packed_nothing_is_empty(void **state)
{
	(void)state;
	for (size_t i = 0; i < FORMATS; i++) {
		EP_BUFFER struct ep_buffer packed = { 0 };
		formats[i].pack(&packed, "", 0);
		assert_unpacks(&packed, 1, formats[i].name, "", 0);
		assert_unpacks(&packed, 1000, formats[i].name, "", 0);
	}
}

static void
many_streams_in_one_file_are_read_to_the_end(void **state)
{
	(void)state;
	char *text = make_text(3000);
	for (size_t i = 0; i < FORMATS; i++) {
		EP_BUFFER struct ep_buffer packed = { 0 };
		for (size_t k = 0; k < 400; k++)
			formats[i].pack(&packed, text + 2 * k, k % 3 ? 2 : 0);
		EP_BUFFER struct ep_buffer expected = { 0 };
		for (size_t k = 0; k < 400; k++)
			assert_int_equal(
				ep_buffer_append(&expected, text + 2 * k, k % 3 ? 2 : 0, NULL),
				EP_OK);
		assert_unpacks(&packed, 100000, formats[i].name, (char *)expected.data,
		               expected.size);
		assert_unpacks(&packed, 7, formats[i].name, (char *)expected.data, expected.size);
	}
	free(text);
}

static void
every_truncation_is_an_error(void **state)
{
	(void)state;
	char *text = make_text(400);
	for (size_t i = 0; i < FORMATS; i++) {
		EP_BUFFER struct ep_buffer packed = { 0 };
		formats[i].pack(&packed, text, 200);
		size_t first = packed.size;
		formats[i].pack(&packed, text + 200, 200);
		for (size_t size = formats[i].telling; size < packed.size; size++) {
			struct ep_buffer cut = { packed.data, size, size, 0 };
			for (size_t piece = 1; piece < 2000; piece += 1999 / 2) {
				EP_BUFFER struct ep_buffer out = { 0 };
				struct ep_error err = { EP_OK, "" };
				const char *name;
				enum ep_status status = unpack(&out, &cut, piece, &name, &err);
				assert_string_equal(name, formats[i].name);
				if (size == first) {
					assert_int_equal(status, EP_OK);
					continue;
				}
				assert_int_equal(status, EP_BAD_INPUT);
				assert_non_null(strstr(err.text, formats[i].name));
				assert_non_null(strstr(err.text, "truncated"));
			}
		}
	}
	free(text);
}

static void
truncation_of_a_large_file_is_an_error(void **state)
{
	(void)state;
	size_t size = (size_t)2 << 20;
	char *text = make_text(size);
	for (size_t i = 0; i < FORMATS; i++) {
		EP_BUFFER struct ep_buffer packed = { 0 };
		formats[i].pack(&packed, text, size);
		for (size_t cut = packed.size - 1; cut > 10; cut = cut * 2 / 3) {
			struct ep_buffer part = { packed.data, cut, cut, 0 };
			EP_BUFFER struct ep_buffer out = { 0 };
			struct ep_error err = { EP_OK, "" };
			const char *name;
			assert_int_equal(unpack(&out, &part, size, &name, &err), EP_BAD_INPUT);
			assert_non_null(strstr(err.text, "truncated"));
			assert_true(out.size <= size);
			assert_memory_equal(out.data ? (char *)out.data : "", text, out.size);
		}
	}
	free(text);
}

static void
a_changed_bit_never_changes_the_text_silently(void **state)
{
	(void)state;
	char *text = make_text(300);
	for (size_t i = 0; i < FORMATS; i++) {
		EP_BUFFER struct ep_buffer packed = { 0 };
		size_t failures = 0;
		formats[i].pack(&packed, text, 300);
		for (size_t bit = 0; bit < packed.size * 8; bit++) {
			EP_BUFFER struct ep_buffer out = { 0 };
			struct ep_error err = { EP_OK, "" };
			const char *name;
			packed.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			enum ep_status status = unpack(&out, &packed, 1000, &name, &err);
			packed.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (strcmp(name, "plain") == 0)
				continue;
			if (status != EP_OK) {
				assert_int_equal(status, EP_BAD_INPUT);
				failures++;
				continue;
			}
			/* Bits without meaning, such as the time in a gzip header. */
			assert_int_equal(out.size, 300);
			assert_memory_equal(out.data, text, 300);
		}
		assert_true(failures > packed.size * 8 * 3 / 5);
	}
	free(text);
}

static void
other_bytes_behind_a_stream_are_an_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < FORMATS; i++) {
		EP_BUFFER struct ep_buffer packed = { 0 };
		EP_BUFFER struct ep_buffer out = { 0 };
		struct ep_error err = { EP_OK, "" };
		const char *name;
		formats[i].pack(&packed, "text", 4);
		assert_int_equal(ep_buffer_append(&packed, "TR,1\r\nTR,2\r\nTR,3\r\n", 18, NULL),
		                 EP_OK);
		assert_int_equal(unpack(&out, &packed, 1000, &name, &err), EP_BAD_INPUT);
		assert_non_null(strstr(err.text, formats[i].name));
		assert_non_null(strstr(err.text, "damaged"));
	}
}

static void
a_zstd_window_over_the_limit_is_refused(void **state)
{
	(void)state;
	/* A frame header with a window of 2^(10 + n), n in the upper five bits, and an empty block.
	 */
	uint8_t frame[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3, 0x01, 0x00, 0x00 };
	struct ep_buffer packed = { frame, sizeof frame, sizeof frame, 0 };
	EP_BUFFER struct ep_buffer out = { 0 };
	struct ep_error err = { EP_OK, "" };
	const char *name;
	assert_unpacks(&packed, 100, "zstd", "", 0);
	frame[5] = 18 << 3;
	assert_int_equal(unpack(&out, &packed, 100, &name, &err), EP_BAD_INPUT);
	assert_non_null(strstr(err.text, "window of more than 128 MiB"));
}

static void
an_xz_dictionary_over_the_limit_is_refused(void **state)
{
	(void)state;
	EP_BUFFER struct ep_buffer packed = { 0 };
	EP_BUFFER struct ep_buffer out = { 0 };
	struct ep_error err = { EP_OK, "" };
	const char *name;
	pack_xz(&packed, "text", 4);
	/* Behind the stream header of 12 bytes: the block header's size in words, flags, the filter
	 * 21, the size of its properties, the dictionary, padding and a CRC. */
	uint8_t *block = packed.data + 12;
	size_t block_size = ((size_t)block[0] + 1) * 4;
	uint8_t *filter = memchr(block, 0x21, block_size);
	assert_non_null(filter);
	for (uint8_t dictionary = 30; dictionary <= 31; dictionary++) {
		filter[2] = dictionary; /* 30: 128 MiB, 31: 192 MiB */
		uint32_t check = lzma_crc32(block, block_size - 4, 0);
		for (size_t i = 0; i < 4; i++)
			block[block_size - 4 + i] = (uint8_t)(check >> 8 * i);
		if (dictionary == 30)
			assert_unpacks(&packed, 100, "xz", "text", 4);
	}
	assert_int_equal(unpack(&out, &packed, 100, &name, &err), EP_BAD_INPUT);
	assert_non_null(strstr(err.text, "window of more than 128 MiB"));
}

static enum ep_status
refuse(void *context, void *bytes, size_t size, size_t *got, struct ep_error *err)
{
	(void)context;
	(void)bytes;
	(void)size;
	(void)got;
	return ep_fail(err, EP_IO, "the disk is gone");
}

static void
a_failing_source_is_handed_up(void **state)
{
	(void)state;
	struct ep_stream *stream = NULL;
	struct ep_error err;
	assert_int_equal(ep_stream_open(&stream, (struct ep_source){ .read = refuse }, &err),
	                 EP_IO);
	assert_string_equal(err.text, "the disk is gone");
	assert_null(stream);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_input_passes_through),
		cmocka_unit_test(each_format_is_recognised_and_unpacked),
		cmocka_unit_test(packed_nothing_is_empty),
		cmocka_unit_test(many_streams_in_one_file_are_read_to_the_end),
		cmocka_unit_test(every_truncation_is_an_error),
		cmocka_unit_test(truncation_of_a_large_file_is_an_error),
		cmocka_unit_test(a_changed_bit_never_changes_the_text_silently),
		cmocka_unit_test(other_bytes_behind_a_stream_are_an_error),
		cmocka_unit_test(a_zstd_window_over_the_limit_is_refused),
		cmocka_unit_test(an_xz_dictionary_over_the_limit_is_refused),
		cmocka_unit_test(a_failing_source_is_handed_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
