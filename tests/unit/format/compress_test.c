#include "format/compress.h"

#include "format/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum ep_status
read_buffer(void *context, void *bytes, size_t size, size_t *got, struct ep_error *err)
{
	struct ep_text *text = context;
	(void)err;
	*got = text->size < size ? text->size : size;
	if (*got == 0)
		return EP_OK;
	memcpy(bytes, text->at, *got);
	text->at += *got;
	text->size -= *got;
	return EP_OK;
}

static void
assert_unpacks(const struct ep_buffer *packed, const char *format, const char *expected)
{
	struct ep_text text = { (const char *)packed->data, packed->size };
	struct ep_source source = { .read = read_buffer, .context = &text };
	EP_OWNED(ep_stream_close)
	struct ep_stream *stream = NULL;
	char found[1000];
	size_t size = 0;
	size_t got = 0;
	assert_int_equal(ep_stream_open(&stream, source, NULL), EP_OK);
	do {
		assert_int_equal(
			ep_stream_read(stream, found + size, sizeof found - size, &got, NULL),
			EP_OK);
		size += got;
	} while (got > 0);
	assert_string_equal(ep_stream_format_name(stream), format);
	assert_int_equal(size, strlen(expected));
	assert_memory_equal(found, expected, size);
}

static void
blocks_one_after_the_other_are_one_file(void **state)
{
	(void)state;
	const struct {
		enum ep_compression compression;
		const char *format;
	} cases[] = { { EP_COMPRESS_NONE, "plain" },
		      { EP_COMPRESS_BZIP2, "bzip2" },
		      { EP_COMPRESS_ZSTD, "zstd" } };
	for (size_t i = 0; i < 3; i++) {
		EP_BUFFER struct ep_buffer out = { 0 };
		enum ep_compression compression = cases[i].compression;
		assert_int_equal(ep_compress_block(&out, compression, NULL, 0, NULL), EP_OK);
		assert_unpacks(&out, cases[i].format, "");
		assert_int_equal(ep_compress_block(&out, compression, "one,", 4, NULL), EP_OK);
		assert_int_equal(ep_compress_block(&out, compression, "two", 3, NULL), EP_OK);
		assert_int_equal(ep_compress_block(&out, compression, NULL, 0, NULL), EP_OK);
		assert_unpacks(&out, cases[i].format, "one,two");
	}
}

static void
a_bzip2_block_is_made_with_level_9(void **state)
{
	(void)state;
	EP_BUFFER struct ep_buffer out = { 0 };
	assert_int_equal(ep_compress_block(&out, EP_COMPRESS_BZIP2, "text", 4, NULL), EP_OK);
	assert_memory_equal(out.data, "BZh9", 4);
}

static void
a_zstd_block_has_its_size_and_a_checksum(void **state)
{
	(void)state;
	EP_BUFFER struct ep_buffer out = { 0 };
	assert_int_equal(ep_compress_block(&out, EP_COMPRESS_ZSTD, "text", 4, NULL), EP_OK);
	/* The frame header descriptor: a single segment has its size, bit 2 means a checksum. */
	assert_int_equal(out.data[4] & 0x24, 0x24);
	assert_int_equal(out.data[5], 4);
}

static void
a_block_that_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
	(void)state;
	char text[200] = { 0 };
	const enum ep_compression all[] = { EP_COMPRESS_NONE, EP_COMPRESS_BZIP2, EP_COMPRESS_ZSTD };
	for (size_t i = 0; i < 3; i++) {
		EP_BUFFER struct ep_buffer out = { .max = 150 };
		assert_int_equal(ep_buffer_append(&out, "before", 6, NULL), EP_OK);
		assert_int_equal(ep_compress_block(&out, all[i], text, sizeof text, NULL),
		                 EP_NO_MEMORY);
		assert_int_equal(out.size, 6);
		assert_memory_equal(out.data, "before", 6);
	}
}

static void
a_block_over_the_limit_is_refused(void **state)
{
	(void)state;
	EP_BUFFER struct ep_buffer out = { 0 };
	struct ep_error err;
	char byte = 0;
	assert_int_equal(
		ep_compress_block(&out, EP_COMPRESS_ZSTD, &byte, EP_COMPRESS_BLOCK_MAX + 1, &err),
		EP_BAD_INPUT);
	assert_int_equal(out.size, 0);
}

static void
names_and_suffixes_belong_together(void **state)
{
	(void)state;
	const char *names[] = { "none", "bzip2", "zstd" };
	const char *suffixes[] = { "", ".bz2", ".zst" };
	for (size_t i = 0; i < 3; i++) {
		enum ep_compression compression;
		assert_int_equal(ep_compression_parse(&compression, ep_text_of(names[i]), NULL),
		                 EP_OK);
		assert_string_equal(ep_compression_name(compression), names[i]);
		assert_string_equal(ep_compression_suffix(compression), suffixes[i]);
	}
}

static void
an_unknown_name_is_refused_with_the_known_ones(void **state)
{
	(void)state;
	const char *names[] = { "", "gzip", "zst", "zstdd", "NONE" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		enum ep_compression compression = EP_COMPRESS_BZIP2;
		struct ep_error err;
		assert_int_equal(ep_compression_parse(&compression, ep_text_of(names[i]), &err),
		                 EP_BAD_INPUT);
		assert_int_equal(compression, EP_COMPRESS_BZIP2);
		assert_non_null(strstr(err.text, "use none, bzip2 or zstd"));
	}
}

static void
a_block_is_unpacked_whole_and_within_its_limit(void **state)
{
	EP_BUFFER struct ep_buffer packed = { 0 };
	EP_BUFFER struct ep_buffer out = { 0 };
	(void)state;
	assert_int_equal(ep_compress_block(&packed, EP_COMPRESS_ZSTD, "twelve bytes", 12, NULL),
	                 EP_OK);
	assert_int_equal(ep_unpack_block(&out, packed.data, packed.size, 11, NULL), EP_BAD_INPUT);
	assert_int_equal(ep_unpack_block(&out, packed.data, packed.size - 1, 12, NULL),
	                 EP_BAD_INPUT);
	assert_int_equal(ep_unpack_block(&out, "twelve bytes", 12, 12, NULL), EP_BAD_INPUT);
	assert_int_equal(out.size, 0);
	assert_int_equal(ep_unpack_block(&out, packed.data, packed.size, 12, NULL), EP_OK);
	assert_int_equal(out.size, 12);
	assert_memory_equal(out.data, "twelve bytes", 12);
	/* Two frames are not one. */
	size_t size = packed.size;
	assert_int_equal(ep_compress_block(&packed, EP_COMPRESS_ZSTD, "more", 4, NULL), EP_OK);
	assert_int_equal(ep_unpack_block(&out, packed.data, packed.size, 100, NULL), EP_BAD_INPUT);
	packed.data[size - 1] ^= 1; /* of its checksum */
	assert_int_equal(ep_unpack_block(&out, packed.data, size, 100, NULL), EP_BAD_INPUT);
	assert_int_equal(out.size, 12);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_one_after_the_other_are_one_file),
		cmocka_unit_test(a_bzip2_block_is_made_with_level_9),
		cmocka_unit_test(a_zstd_block_has_its_size_and_a_checksum),
		cmocka_unit_test(a_block_that_does_not_fit_leaves_the_buffer_as_it_was),
		cmocka_unit_test(a_block_over_the_limit_is_refused),
		cmocka_unit_test(a_block_is_unpacked_whole_and_within_its_limit),
		cmocka_unit_test(names_and_suffixes_belong_together),
		cmocka_unit_test(an_unknown_name_is_refused_with_the_known_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
