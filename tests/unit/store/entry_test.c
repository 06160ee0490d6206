#include "store/entry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROWS_MAX 8

static const struct ep_field two_fields[] = { { { "isrc", 4 }, { "USRC17607839", 12 } },
	                                      { { "x", 1 }, { "y z", 3 } } };

static const char *const artists[] = { "A", "", "Bj\xc3\xb6rk", "a \"quoted\", name" };

/* Encodes a track as an entry. */
static struct ep_buffer
entry_of(const struct ep_track *track)
{
	struct ep_codes_coder *coder;
	EP_BUFFER struct ep_buffer body = { 0 };
	struct ep_buffer bytes = { 0 };
	assert_int_equal(ep_codes_coder_new(&coder, EP_CODES_ONSET, NULL), EP_OK);
	assert_int_equal(ep_entry_put_body(&body, NULL, track, coder, NULL), EP_OK);
	ep_codes_coder_free(coder);
	struct ep_entry entry = { .operation = EP_PUT,
		                  .source = 7,
		                  .import_date = -5,
		                  .era = 300,
		                  .since = 5,
		                  .history = { (const uint8_t *)"\0\1\2", 3 },
		                  .body = ep_buffer_bytes(&body) };
	size_t size = ep_entry_size(&entry);
	assert_int_equal(ep_buffer_reserve(&bytes, size, NULL), EP_OK);
	bytes.size = size;
	ep_track_hash(&entry.hash, track);
	ep_entry_write(bytes.data, &entry);
	return bytes;
}

static void
assert_comes_back(const struct ep_track *track)
{
	EP_BUFFER struct ep_buffer bytes = entry_of(track);
	struct ep_entry entry;
	assert_int_equal(ep_entry_read(&entry, 9, bytes.data, bytes.size, NULL), EP_OK);
	assert_int_equal(entry.position, 9);
	assert_int_equal(entry.source, 7);
	assert_int_equal(entry.import_date, -5);
	assert_int_equal(entry.era, 300);
	assert_int_equal(entry.since, 5);
	EP_ARENA struct ep_arena arena = { 0 };
	struct ep_history history;
	assert_int_equal(ep_entry_history(&history, &entry, 1, NULL, &arena, NULL), EP_OK);
	assert_int_equal(history.count, 1);
	assert_int_equal(history.steps[0].party, 1);
	assert_memory_equal(history.steps[0].contents.bytes, entry.hash.bytes, EP_REVISION_SIZE);
	assert_int_equal(ep_entry_history(&history, &entry, 0, NULL, &arena, NULL), EP_CORRUPT);
	assert_true(ep_text_equal(entry.id, track->id));
	assert_int_equal(entry.document_count, track->count);
	struct ep_codes_coder *coder;
	EP_DECODED struct ep_decoded decoded = { 0 };
	assert_int_equal(ep_codes_coder_new(&coder, EP_CODES_ONSET, NULL), EP_OK);
	assert_int_equal(ep_entry_decode(&decoded, &entry, coder, NULL), EP_OK);
	for (size_t i = 0; i < track->count; i++)
		assert_true(ep_document_equal(&decoded.track.documents[i], &track->documents[i]));
	struct ep_hash hash;
	ep_track_hash(&hash, &decoded.track);
	assert_memory_equal(hash.bytes, entry.hash.bytes, EP_HASH_SIZE);
	assert_true(ep_fields_equal(&decoded.track.fields, &track->fields));
	assert_int_equal(ep_entry_has_fields(&entry), track->fields.count > 0);
	assert_int_equal(bytes.data[0], track->fields.count ? 4 : 3);
	ep_codes_coder_free(coder);
}

static void
rows_of_every_kind_come_back_byte_for_byte(void **state)
{
	(void)state;
	static const char *const codes[] = { "",
		                             "1 2",
		                             "100 5 99 5",
		                             "99 5 100 5",
		                             "007 05",
		                             " 1  2 ",
		                             "4294967295 2147483647",
		                             "5 9 4 8" };
	static const char *const suffixes[] = { "-0", "-1", "-2", "-5", "-01", "-x", "-3-4", "" };
	for (unsigned seed = 0; seed < 500; seed++) {
		srand(seed);
		struct ep_document rows[ROWS_MAX];
		size_t count = 0;
		for (size_t i = 0; i < ROWS_MAX; i++) {
			if (rand() % 2)
				continue;
			rows[count++] = (struct ep_document){
				.suffix = ep_text_of(suffixes[i]),
				.codever = ep_text_of(rand() % 3 ? "4.12" : ""),
				.codes = ep_text_of(codes[rand() % 8]),
				.length = ep_text_of(rand() % 3 ? "120" : "007"),
				.artist = ep_text_of(artists[rand() % 4]),
				.release = ep_text_of(artists[rand() % 2]),
				.track = ep_text_of(artists[rand() % 4]),
			};
		}
		if (count == 0)
			continue;
		struct ep_track track = { .id = ep_text_of("T"),
			                  .documents = rows,
			                  .count = count };
		assert_comes_back(&track);
		track.fields = (struct ep_fields){ two_fields, 1 + seed % 2 };
		assert_comes_back(&track);
	}
}

static void
every_changed_byte_is_seen(void **state)
{
	(void)state;
	struct ep_document row = { .suffix = ep_text_of("-0"), .codes = ep_text_of("1 2 3 4") };
	struct ep_track track = { .id = ep_text_of("TRA"), .documents = &row, .count = 1 };
	EP_BUFFER struct ep_buffer bytes = entry_of(&track);
	struct ep_entry entry;
	for (size_t i = 0; i < bytes.size; i++) {
		bytes.data[i] ^= 0x10;
		assert_int_equal(ep_entry_read(&entry, 1, bytes.data, bytes.size, NULL),
		                 EP_CORRUPT);
		bytes.data[i] ^= 0x10;
	}
	for (size_t size = 0; size < bytes.size; size++)
		assert_int_equal(ep_entry_read(&entry, 1, bytes.data, size, NULL), EP_CORRUPT);
}

static void
a_later_layout_is_told_from_damage(void **state)
{
	(void)state;
	struct ep_document row = { .suffix = ep_text_of("-0"), .codes = ep_text_of("1 2") };
	struct ep_track track = { .id = ep_text_of("TRA"), .documents = &row, .count = 1 };
	EP_BUFFER struct ep_buffer bytes = entry_of(&track);
	bytes.data[0] = 5;
	size_t end = bytes.size - 4;
	ep_store32(bytes.data + end, ep_crc32(bytes.data, end));
	struct ep_entry entry;
	assert_int_equal(ep_entry_read(&entry, 1, bytes.data, bytes.size, NULL), EP_NEWER);
}

/* Whether an entry says that it has fields, and has some, is one. */
static void
a_layout_that_does_not_fit_the_fields_is_damage(void **state)
{
	(void)state;
	struct ep_document row = { .suffix = ep_text_of("-0"), .codes = ep_text_of("1 2") };
	struct ep_track track = { .id = ep_text_of("TRA"), .documents = &row, .count = 1 };
	for (size_t count = 0; count <= 1; count++) {
		track.fields = (struct ep_fields){ two_fields, count };
		EP_BUFFER struct ep_buffer bytes = entry_of(&track);
		struct ep_entry entry;
		size_t end = bytes.size - 4;
		bytes.data[0] = count ? 3 : 4;
		ep_store32(bytes.data + end, ep_crc32(bytes.data, end));
		assert_int_equal(ep_entry_read(&entry, 1, bytes.data, bytes.size, NULL),
		                 EP_CORRUPT);
	}
}

static void
the_contents_hash_is_as_specified(void **state)
{
	(void)state;
	struct ep_document row = {
		.suffix = ep_text_of("-0"),
		.codever = ep_text_of("4.12"),
		.codes = ep_text_of("1 2"),
		.length = ep_text_of("3"),
		.artist = ep_text_of("A"),
	};
	struct ep_track track = { .id = ep_text_of("TRA"), .documents = &row, .count = 1 };
	/* hashlib.blake2b(b"".join(len(t).to_bytes(4, "little") + t for t in (b"echoprint track 1",
	 * b"TRA", b"-0", b"4.12", b"1 2", b"3", b"A", b"", b"")), digest_size=32) */
	char text[EP_HASH_TEXT];
	struct ep_hash hash;
	ep_track_hash(&hash, &track);
	ep_hash_print(text, &hash);
	assert_string_equal(text,
	                    "7cbbdb8a6be3827fda2ccc2fa100706af33a4a436143575bca5bdaa9f01bf740");
	/* rows = bytes.fromhex("7cbb..."), text = lambda t: len(t).to_bytes(4, "little") + t,
	 * hashlib.blake2b(text(b"echoprint fields 1") + rows + text(b"isrc") +
	 * text(b"USRC17607839") + text(b"x") + text(b"y z"), digest_size=32) */
	track.fields = (struct ep_fields){ two_fields, 2 };
	ep_track_hash(&hash, &track);
	ep_hash_print(text, &hash);
	assert_string_equal(text,
	                    "a1bc83109e89fcee296b042371bae808dddf45a818bee6c6c6d50ad3cbe2315e");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_every_kind_come_back_byte_for_byte),
		cmocka_unit_test(every_changed_byte_is_seen),
		cmocka_unit_test(a_later_layout_is_told_from_damage),
		cmocka_unit_test(a_layout_that_does_not_fit_the_fields_is_damage),
		cmocka_unit_test(the_contents_hash_is_as_specified),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
