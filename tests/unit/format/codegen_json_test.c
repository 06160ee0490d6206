#include "format/codegen_json.h"
#include "tests/input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct ep_codegen_reader *
open_input(struct input *input, const struct ep_codegen_options *options)
{
	struct ep_codegen_reader *reader = NULL;
	struct ep_source source = { .read = read_input, .context = input };
	assert_int_equal(ep_codegen_open(&reader, source, options, NULL), EP_OK);
	return reader;
}

/* Reads json to its end or failure, in pieces and blocks of several sizes; checks the objects,
 * shown with blanks between them, and what the failure says ("" for none). */
static void
assert_objects(const char *json, const char *expected, const char *failure)
{
	for (size_t piece = 1; piece < 12; piece++) {
		struct ep_codegen_options options = { .block_size = 1 + piece * 7 % 23 };
		struct input input = { json, strlen(json), piece };
		struct ep_codegen_reader *reader = open_input(&input, &options);
		struct ep_codegen_block block = { 0 };
		struct ep_error err = { EP_OK, "" };
		EP_BUFFER struct ep_buffer shown = { 0 };
		uint64_t number = 0;
		enum ep_status status;
		while ((status = ep_codegen_read(reader, &block, &err)) == EP_OK && block.count) {
			for (size_t i = 0; i < block.count; i++) {
				const struct ep_codegen_object *object = &block.objects[i];
				struct ep_text raw = object->raw;
				assert_int_equal(object->number, ++number);
				assert_int_equal(object->fault, EP_CODEGEN_OK);
				assert_memory_equal(raw.at, json + object->offset, raw.size);
				assert_int_equal(ep_buffer_append(&shown, raw.at, raw.size, NULL),
				                 EP_OK);
				assert_int_equal(ep_buffer_append(&shown, " ", 1, NULL), EP_OK);
			}
		}
		assert_int_equal(ep_buffer_append(&shown, "", 1, NULL), EP_OK);
		assert_string_equal((char *)shown.data, expected);
		assert_string_equal(err.text, failure);
		assert_int_equal(status, *failure ? EP_BAD_INPUT : EP_OK);
		assert_int_equal(ep_codegen_read(reader, &block, NULL), status);
		assert_int_equal(block.count, 0);
		ep_codegen_block_free(&block);
		ep_codegen_close(reader);
	}
}

static void
objects_are_found_in_any_layout(void **state)
{
	(void)state;
	assert_objects("", "", "");
	assert_objects(" \r\n\t", "", "");
	assert_objects("\xef\xbb\xbf[]", "", "");
	assert_objects("[\n{\"a\":1},\n{\"b\":[{},{}]}\n]\n", "{\"a\":1} {\"b\":[{},{}]} ", "");
	assert_objects("{}", "{} ", "");
	assert_objects("{}{}\n{}\n[{}][]{}", "{} {} {} {} {} ", "");
}

static void
braces_and_quotes_in_strings_do_not_count(void **state)
{
	(void)state;
	assert_objects("[{\"}{\\\"]\\\\\":\"[,\\u005c\"},{\"\":\"\"}]",
	               "{\"}{\\\"]\\\\\":\"[,\\u005c\"} {\"\":\"\"} ", "");
}

static void
what_is_between_objects_must_be_right(void **state)
{
	(void)state;
	assert_objects("x", "", "byte 0 is 0x78, expected '{' or '['");
	assert_objects("{},{}", "{} ", "byte 2 is 0x2c, expected '{' or '['");
	assert_objects("[{}{}]", "{} ", "byte 3 is 0x7b, expected ',' or ']'");
	assert_objects("[{},]", "{} ", "byte 4 is 0x5d, expected '{'");
	assert_objects("[,{}]", "", "byte 1 is 0x2c, expected '{' or ']'");
	assert_objects(" [1]", "", "byte 2 is 0x31, expected '{' or ']'");
	assert_objects("[[{}]]", "", "byte 1 is 0x5b, expected '{' or ']'");
	assert_objects("{}]", "{} ", "byte 2 is 0x5d, expected '{' or '['");
	assert_objects("{}\n\xff", "{} ", "byte 3 is 0xff, expected '{' or '['");
}

static void
an_end_too_early_names_its_place(void **state)
{
	(void)state;
	assert_objects("[", "", "byte 1: the input ends inside an array, expected '{' or ']'");
	assert_objects("[{} ", "{} ",
	               "byte 4: the input ends inside an array, expected ',' or ']'");
	assert_objects("[{},", "{} ", "byte 4: the input ends inside an array, expected '{'");
	assert_objects("{} {\"a\":[\"}", "{} ",
	               "byte 11: the input ends inside the object that starts at byte 3, expected "
	               "its '}'");
	assert_objects("{\"\\", "",
	               "byte 3: the input ends inside the object that starts at byte 0, expected "
	               "its '}'");
}

static void
an_object_over_the_limit_is_passed_over(void **state)
{
	(void)state;
	size_t size = (size_t)2 << 20;
	char *json = malloc(size);
	assert_non_null(json);
	memset(json, 'x', size);
	memcpy(json, "[{},{\"", 6);
	memcpy(json + size - 8, "\"},\n{} ]", 8);
	for (size_t block_size = 1; block_size < 100000; block_size *= 9) {
		struct ep_codegen_options options = { .block_size = block_size,
			                              .object_max = 10000 };
		struct input input = { json, size, 5000 };
		struct ep_codegen_reader *reader = open_input(&input, &options);
		struct ep_codegen_block block = { 0 };
		size_t count = 0;
		do {
			assert_int_equal(ep_codegen_read(reader, &block, NULL), EP_OK);
			assert_true(block.bytes.capacity < 300000);
			for (size_t i = 0; i < block.count; i++) {
				const struct ep_codegen_object *object = &block.objects[i];
				const uint64_t offsets[] = { 1, 4, size - 4 };
				bool second = count == 1;
				assert_true(count < 3);
				assert_int_equal(object->offset, offsets[count]);
				assert_int_equal(object->fault, second ? EP_CODEGEN_TOO_LONG : 0);
				assert_int_equal(object->raw.size,
				                 second ? EP_CODEGEN_RAW_KEPT : 2);
				assert_memory_equal(object->raw.at, json + object->offset,
				                    object->raw.size);
				count++;
			}
		} while (block.count > 0);
		assert_int_equal(count, 3);
		ep_codegen_block_free(&block);
		ep_codegen_close(reader);
	}
	free(json);
}

static void
deep_nesting_is_refused_by_the_parser_only(void **state)
{
	(void)state;
	size_t depth = 1000000;
	char *json = malloc(depth);
	assert_non_null(json);
	EP_BUFFER struct ep_buffer text = { 0 };
	assert_int_equal(ep_buffer_append(&text, "{\"a\":", 5, NULL), EP_OK);
	memset(json, '[', depth);
	assert_int_equal(ep_buffer_append(&text, json, depth, NULL), EP_OK);
	memset(json, ']', depth);
	assert_int_equal(ep_buffer_append(&text, json, depth, NULL), EP_OK);
	assert_int_equal(ep_buffer_append(&text, "}", 1, NULL), EP_OK);
	struct input input = { (char *)text.data, text.size, 4000 };
	struct ep_codegen_reader *reader = open_input(&input, NULL);
	struct ep_codegen_block block = { 0 };
	struct ep_codegen_song song;
	struct ep_error err;
	assert_int_equal(ep_codegen_read(reader, &block, NULL), EP_OK);
	assert_int_equal(block.count, 1);
	assert_int_equal(ep_codegen_parse(&song, block.objects[0].raw, &err), EP_BAD_INPUT);
	assert_non_null(strstr(err.text, "depth"));
	ep_codegen_block_free(&block);
	ep_codegen_close(reader);
	free(json);
}

static void
assert_text(struct ep_text text, const char *expected)
{
	assert_int_equal(text.size, strlen(expected));
	assert_memory_equal(text.at ? text.at : "", expected, text.size);
}

static void
a_song_is_read_with_all_its_keys(void **state)
{
	(void)state;
	struct ep_codegen_song song;
	const char *json = "{\"tag\":0, \"code\":\"eJzt\", \"metadata\":{\"title\":\"T\\u00e9\", "
			   "\"version\":4.12, \"artist\":\"A\", \"genre\":[\"\\u0000\", null], "
			   "\"duration\":240.99, \"track_id\":\"TRX\", \"release\":\"R\"}}";
	assert_int_equal(ep_codegen_parse(&song, ep_text_of(json), NULL), EP_OK);
	assert_true(song.has_code);
	assert_text(song.code, "eJzt");
	assert_text(song.track_id, "TRX");
	assert_text(song.artist, "A");
	assert_text(song.release, "R");
	assert_text(song.title, "T\xc3\xa9");
	assert_string_equal(song.version, "4.12");
	assert_int_equal(song.duration_s, 240);
	ep_codegen_song_free(&song);
	assert_null(song.json);
}

static void
optional_keys_may_be_missing_null_or_empty(void **state)
{
	(void)state;
	const char *songs[] = {
		"{\"metadata\":{\"duration\":0,\"version\":4},\"code\":\"\"}",
		"{\"metadata\":{\"duration\":0.0,\"version\":4.001,\"track_id\":null,\"artist\":"
		"null,\"release\":null,\"title\":null},\"code\":\"\"}",
		"{\"metadata\":{\"duration\":0,\"version\":\"4.00\",\"track_id\":\"\",\"artist\":"
		"\"\",\"release\":\"\",\"title\":\"\"},\"code\":\"\"}",
	};
	for (size_t i = 0; i < 3; i++) {
		struct ep_codegen_song song;
		assert_int_equal(ep_codegen_parse(&song, ep_text_of(songs[i]), NULL), EP_OK);
		assert_true(song.has_code);
		assert_int_equal(song.code.size, 0);
		assert_int_equal(song.track_id.size, 0);
		assert_int_equal(song.artist.size, 0);
		assert_int_equal(song.release.size, 0);
		assert_int_equal(song.title.size, 0);
		assert_string_equal(song.version, "4.00");
		assert_int_equal(song.duration_s, 0);
		ep_codegen_song_free(&song);
	}
}

static void
an_object_without_code_is_no_song(void **state)
{
	(void)state;
	struct ep_codegen_song song;
	const char *json = "{\"error\":\"could not decode\", \"tag\":0, \"metadata\":{}}";
	assert_int_equal(ep_codegen_parse(&song, ep_text_of(json), NULL), EP_OK);
	assert_false(song.has_code);
	ep_codegen_song_free(&song);
}

static void
a_question_needs_no_metadata(void **state)
{
	(void)state;
	struct ep_codegen_song song;
	const char *json = "{\"metadata\":[7],\"code\":\"eJzt\"}";
	assert_int_equal(ep_codegen_parse_code(&song, ep_text_of(json), NULL), EP_OK);
	assert_true(song.has_code);
	assert_text(song.code, "eJzt");
	assert_string_equal(song.version, "");
	ep_codegen_song_free(&song);
	assert_int_equal(ep_codegen_parse_code(&song, ep_text_of("{}"), NULL), EP_OK);
	assert_false(song.has_code);
	assert_int_equal(ep_codegen_parse_code(&song, ep_text_of("{\"code\":1}"), NULL),
	                 EP_BAD_INPUT);
}

static void
the_last_of_equal_keys_counts(void **state)
{
	(void)state;
	struct ep_codegen_song song;
	const char *json = "{\"code\":1,\"code\":\"c\",\"metadata\":{\"duration\":\"x\","
			   "\"version\":1,\"duration\":2147483647.5,\"version\":\"v\"}}";
	assert_int_equal(ep_codegen_parse(&song, ep_text_of(json), NULL), EP_OK);
	assert_text(song.code, "c");
	assert_string_equal(song.version, "v");
	assert_int_equal(song.duration_s, 2147483647);
	ep_codegen_song_free(&song);
}

/* A song with more metadata. */
#define SONG(metadata) "{\"code\":\"c\",\"metadata\":{\"duration\":1,\"version\":1," metadata "}}"

static void
assert_refused(const char *json, const char *failure)
{
	struct ep_codegen_song song = { .duration_s = 77 };
	struct ep_error err;
	assert_int_equal(ep_codegen_parse(&song, ep_text_of(json), &err), EP_BAD_INPUT);
	if (strncmp(err.text, failure, strlen(failure)) != 0)
		assert_string_equal(err.text, failure);
	assert_int_equal(song.duration_s, 77);
}

static void
wrong_values_are_refused_by_name(void **state)
{
	(void)state;
	assert_refused("{\"code\":\"\"}", "metadata is missing");
	assert_refused("{\"code\":\"\",\"metadata\":[]}", "metadata is not an object");
	assert_refused("{\"code\":null,\"metadata\":{}}", "code is not a string");
	assert_refused("{\"code\":{},\"metadata\":{}}", "code is not a string");
	assert_refused("{\"code\":\"1\\u0000\",\"metadata\":{}}", "code has a NUL byte");
	assert_refused("{\"code\":\"\",\"metadata\":{}}", "metadata.duration is missing");
	assert_refused("{\"code\":\"\",\"metadata\":{\"duration\":1}}",
	               "metadata.version is missing");
	assert_refused(SONG("\"duration\":\"1\""), "metadata.duration is not a number");
	assert_refused(SONG("\"duration\":-1"), "metadata.duration is not from 0 to 2147483647");
	assert_refused(SONG("\"duration\":-0.1"), "metadata.duration is not from 0");
	assert_refused(SONG("\"duration\":2147483648"), "metadata.duration is not from 0");
	assert_refused(SONG("\"duration\":1e300"), "metadata.duration is not from 0");
	assert_refused(SONG("\"duration\":1e999"), "not JSON: real number overflow");
	assert_refused(SONG("\"version\":null"),
	               "metadata.version is neither a number nor a string");
	assert_refused(SONG("\"version\":1e12"), "metadata.version is not a version number");
	assert_refused(SONG("\"artist\":1"), "metadata.artist is not a string");
	assert_refused(SONG("\"release\":{}"), "metadata.release is not a string");
	assert_refused(SONG("\"title\":\"\\u0000\""), "metadata.title has a NUL byte");
	assert_refused(SONG("\"track_id\":true"), "metadata.track_id is not a string");
	assert_refused(SONG("\"title\":\"\xff\""), "not JSON: unable to decode byte 0xff");
	assert_refused(SONG("\"title\":\"\\ud800\""), "not JSON: ");
	assert_refused(SONG("\"title\":\"\n\""), "not JSON: unexpected newline");
	assert_refused("{\"code\":]}", "not JSON: ");
	assert_refused("[]", "not a JSON object");
	assert_refused("", "not JSON: ");
}

static void
texts_over_their_limits_are_refused(void **state)
{
	(void)state;
	char json[600];
	struct ep_codegen_song song;
	(void)snprintf(json, sizeof json, SONG("\"track_id\":\"%0255d\""), 0);
	assert_int_equal(ep_codegen_parse(&song, ep_text_of(json), NULL), EP_OK);
	assert_int_equal(song.track_id.size, 255);
	ep_codegen_song_free(&song);
	(void)snprintf(json, sizeof json, SONG("\"track_id\":\"%0256d\""), 0);
	assert_refused(json, "metadata.track_id has 256 bytes, but may have at most 255");
	(void)snprintf(json, sizeof json, SONG("\"version\":\"%064d\""), 0);
	assert_refused(json, "metadata.version has 64 bytes, but may have at most 63");
	(void)snprintf(json, sizeof json, SONG("\"version\":\"%063d\""), 0);
	assert_int_equal(ep_codegen_parse(&song, ep_text_of(json), NULL), EP_OK);
	assert_int_equal(strlen(song.version), 63);
	ep_codegen_song_free(&song);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_found_in_any_layout),
		cmocka_unit_test(braces_and_quotes_in_strings_do_not_count),
		cmocka_unit_test(what_is_between_objects_must_be_right),
		cmocka_unit_test(an_end_too_early_names_its_place),
		cmocka_unit_test(an_object_over_the_limit_is_passed_over),
		cmocka_unit_test(deep_nesting_is_refused_by_the_parser_only),
		cmocka_unit_test(a_song_is_read_with_all_its_keys),
		cmocka_unit_test(optional_keys_may_be_missing_null_or_empty),
		cmocka_unit_test(an_object_without_code_is_no_song),
		cmocka_unit_test(a_question_needs_no_metadata),
		cmocka_unit_test(the_last_of_equal_keys_counts),
		cmocka_unit_test(wrong_values_are_refused_by_name),
		cmocka_unit_test(texts_over_their_limits_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
