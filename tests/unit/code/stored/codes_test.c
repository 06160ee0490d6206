#include "code/codestring.h"
#include "code/onset_hash.h"
#include "code/pairs.h"
#include "code/stored/codes.h"
#include "tests/within.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DOCUMENTS_MAX 16

static struct ep_codes_coder *
new_coder(enum ep_codes_form highest_form)
{
	struct ep_codes_coder *coder;
	assert_int_equal(ep_codes_coder_new(&coder, highest_form, NULL), EP_OK);
	return coder;
}

static struct ep_codes_document
document_of(const char *text, uint32_t segment)
{
	return (struct ep_codes_document){ ep_text_of(text), segment };
}

/* Encodes documents, checks that they come back, and tells in which forms they are. */
static struct ep_codes_usage
assert_come_back(const struct ep_codes_document *documents, size_t count,
                 enum ep_codes_form highest_form)
{
	EP_OWNED(ep_codes_coder_free)
	struct ep_codes_coder *coder = new_coder(highest_form);
	EP_BUFFER struct ep_buffer blob = { 0 };
	struct ep_codes_document back[DOCUMENTS_MAX];
	struct ep_codes_usage usage = { 0 };
	struct ep_error err = { 0 };
	for (size_t i = 0; i < count; i++)
		back[i].segment = documents[i].segment;
	assert_int_equal(ep_codes_encode(&blob, coder, documents, count, NULL), EP_OK);
	if (ep_codes_decode(coder, back, count, blob.data, blob.size, &err) != EP_OK)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < count; i++)
		assert_true(ep_text_equal(back[i].text, documents[i].text));
	assert_int_equal(ep_codes_add_usage(&usage, count, blob.data, blob.size, NULL), EP_OK);
	uint64_t bytes = 0;
	for (size_t i = 0; i < EP_CODES_FORM_COUNT; i++)
		bytes += usage.of[i].bytes;
	assert_int_equal(bytes, blob.size);
	return usage;
}

/* The documents of a track with a code every `step` units, and two at every second of them. */
static size_t
made_up_track(struct ep_cut *cut, struct ep_codes_document *documents, uint32_t step,
              uint32_t last_time)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	for (uint32_t time = 0; time <= last_time; time += step) {
		assert_int_equal(ep_pairs_reserve(&pairs, 2, NULL), EP_OK);
		for (uint32_t i = 0; i < 1 + time / step % 2; i++) {
			uint32_t code = (time * 2654435761U + i * 7919) >> 12;
			pairs.items[pairs.count++] = (struct ep_pair){ code, time };
		}
	}
	assert_int_equal(ep_cut_documents(cut, &pairs, DOCUMENTS_MAX, NULL), EP_OK);
	for (uint32_t i = 0; i < cut->count; i++)
		documents[i] = (struct ep_codes_document){ cut->documents[i], i };
	return cut->count;
}

/* Appends the codes of a band whose onsets are `gap` apart, but for a swing. */
static void
add_band(struct ep_pairs *pairs, uint32_t band, uint32_t gap, uint32_t last_time)
{
	static const uint8_t sides[6][3] = { { 1, 1, 2 }, { 1, 1, 3 }, { 2, 2, 3 },
		                             { 1, 1, 4 }, { 2, 2, 4 }, { 3, 3, 4 } };
	for (uint32_t i = 0; i * gap <= last_time; i++) {
		uint32_t at[5];
		for (uint32_t k = 0; k < 5; k++)
			at[k] = (i + k) * gap + (i + k) % 3 * 2;
		assert_int_equal(ep_pairs_reserve(pairs, 6, NULL), EP_OK);
		for (size_t k = 0; k < 6; k++) {
			uint32_t first = at[sides[k][0]] - at[0];
			uint32_t second = at[sides[k][2]] - at[sides[k][1]];
			uint32_t code = ep_onset_hash(first, second, band);
			pairs->items[pairs->count++] = (struct ep_pair){ code, at[0] };
		}
	}
}

/* The first five documents of a track that the code generator could have made. */
static size_t
track_of_onsets(struct ep_cut *cut, struct ep_codes_document *documents)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	for (uint32_t band = 0; band < 8; band++)
		add_band(&pairs, band, 31 + 7 * band, 9000);
	assert_int_equal(ep_cut_documents(cut, &pairs, DOCUMENTS_MAX, NULL), EP_OK);
	for (uint32_t i = 0; i < 5; i++)
		documents[i] = (struct ep_codes_document){ cut->documents[i], i };
	return 5;
}

static void
no_documents_take_no_bytes(void **state)
{
	(void)state;
	EP_OWNED(ep_codes_coder_free)
	struct ep_codes_coder *coder = new_coder(EP_CODES_ONSET);
	EP_BUFFER struct ep_buffer blob = { 0 };
	assert_int_equal(ep_codes_encode(&blob, coder, NULL, 0, NULL), EP_OK);
	assert_int_equal(blob.size, 0);
	assert_int_equal(ep_codes_decode(coder, NULL, 0, NULL, 0, NULL), EP_OK);
}

static void
documents_that_agree_are_stored_once(void **state)
{
	(void)state;
	EP_CUT struct ep_cut cut = { 0 };
	struct ep_codes_document documents[DOCUMENTS_MAX];
	size_t count = made_up_track(&cut, documents, 5, 9000);
	struct ep_codes_usage usage = assert_come_back(documents, count, EP_CODES_PACKED);
	assert_int_equal(usage.of[EP_CODES_PACKED].documents, count);
	size_t pairs = 9000 / 5 * 3 / 2;
	assert_within(usage.of[EP_CODES_PACKED].bytes, pairs * 5 / 2, pairs * 5);
}

static void
documents_of_onsets_are_a_hundred_times_smaller(void **state)
{
	(void)state;
	EP_CUT struct ep_cut cut = { 0 };
	struct ep_codes_document documents[DOCUMENTS_MAX];
	size_t count = track_of_onsets(&cut, documents);
	struct ep_codes_usage usage = assert_come_back(documents, count, EP_CODES_ONSET);
	assert_int_equal(usage.of[EP_CODES_ONSET].documents, count);
	size_t text = 0;
	for (size_t i = 0; i < count; i++)
		text += documents[i].text.size;
	assert_within(usage.of[EP_CODES_ONSET].bytes, 1, text / 100);
	usage = assert_come_back(documents, count, EP_CODES_PACKED);
	assert_int_equal(usage.of[EP_CODES_PACKED].documents, count);
}

static void
one_document_of_onsets_needs_no_segment(void **state)
{
	(void)state;
	EP_CUT struct ep_cut cut = { 0 };
	struct ep_codes_document documents[DOCUMENTS_MAX];
	track_of_onsets(&cut, documents);
	const uint32_t segments[] = { 1, 0, 3, 40, EP_NO_SEGMENT, EP_SEGMENT_MAX + 1 };
	for (size_t i = 0; i < sizeof segments / sizeof *segments; i++) {
		documents[1].segment = segments[i];
		struct ep_codes_usage usage = assert_come_back(documents + 1, 1, EP_CODES_ONSET);
		assert_int_equal(usage.of[EP_CODES_ONSET].documents, 1);
	}
}

static void
onsets_with_a_foreign_code_among_them_are_packed(void **state)
{
	(void)state;
	EP_CUT struct ep_cut cut = { 0 };
	EP_PAIRS struct ep_pairs pairs = { 0 };
	struct ep_codes_document documents[DOCUMENTS_MAX];
	track_of_onsets(&cut, documents);
	struct ep_text track = { (const char *)cut.text.data, cut.text.size };
	assert_int_equal(ep_pairs_parse(&pairs, track, NULL), EP_OK);
	pairs.items[pairs.count / 2].code ^= 1;
	assert_int_equal(ep_cut_documents(&cut, &pairs, DOCUMENTS_MAX, NULL), EP_OK);
	for (uint32_t i = 0; i < cut.count; i++)
		documents[i] = (struct ep_codes_document){ cut.documents[i], i };
	struct ep_codes_usage usage = assert_come_back(documents, cut.count, EP_CODES_ONSET);
	assert_int_equal(usage.of[EP_CODES_PACKED].documents, cut.count);
}

static void
text_is_all_that_is_used_where_nothing_else_is_allowed(void **state)
{
	(void)state;
	EP_CUT struct ep_cut cut = { 0 };
	struct ep_codes_document documents[DOCUMENTS_MAX];
	size_t count = made_up_track(&cut, documents, 50, 9000);
	struct ep_codes_usage usage = assert_come_back(documents, count, EP_CODES_TEXT);
	assert_int_equal(usage.of[EP_CODES_TEXT].documents, count);
}

static void
silent_documents_are_part_of_a_run(void **state)
{
	(void)state;
	EP_CUT struct ep_cut cut = { 0 };
	struct ep_codes_document documents[DOCUMENTS_MAX];
	size_t count = made_up_track(&cut, documents, 7000, 14000);
	assert_int_equal(documents[2].text.size, 0);
	struct ep_codes_usage usage = assert_come_back(documents, count, EP_CODES_PACKED);
	assert_int_equal(usage.of[EP_CODES_PACKED].documents, count);
	documents[0].text.size = 0;
	assert_come_back(documents, count, EP_CODES_ONSET);
}

static void
a_track_that_starts_late_and_has_a_gap_comes_back(void **state)
{
	(void)state;
	EP_CUT struct ep_cut cut = { 0 };
	struct ep_codes_document documents[DOCUMENTS_MAX];
	size_t count = made_up_track(&cut, documents, 5, 12000);
	memmove(&documents[3], &documents[4], (count - 4) * sizeof *documents);
	struct ep_codes_usage usage = assert_come_back(documents + 1, count - 2, EP_CODES_PACKED);
	assert_int_equal(usage.of[EP_CODES_PACKED].documents, count - 2);
}

static void
documents_that_disagree_are_stored_alone(void **state)
{
	(void)state;
	const struct ep_codes_document documents[] = {
		document_of("500001 5 500002 1300 500003 2500", 0),
		document_of("500002 1300 500003 2501", 1), /* another time */
		document_of("500003 2501 500004 4000", 2), /* of segment 1 and more */
		document_of("500004 4000 500009 4500 500005 5000", 3),
		document_of("500005 5000", 3), /* the same segment again */
		document_of("500005 5000", EP_NO_SEGMENT), /* not a segment */
		document_of("500005 5000", 70), /* not of its times */
		document_of("500005 5000", EP_SEGMENT_MAX + 5),
		document_of("", 0),
	};
	assert_come_back(documents, 9, EP_CODES_TEXT);
	assert_come_back(documents, 9, EP_CODES_PACKED);
	assert_come_back(documents, 9, EP_CODES_ONSET);
}

static void
a_document_with_a_code_too_many_in_the_overlap_is_stored_alone(void **state)
{
	(void)state;
	const struct ep_codes_document documents[] = {
		document_of("500001 5 500002 1300", 0),
		document_of("500002 1300 500003 2500 500004 2600", 1),
		document_of("500003 2500 500003 2500 500004 2600", 1),
	};
	assert_come_back(documents, 2, EP_CODES_PACKED);
	assert_come_back(documents + 1, 2, EP_CODES_PACKED);
}

static void
text_that_is_not_as_printed_comes_back(void **state)
{
	(void)state;
	const struct ep_codes_document documents[] = {
		document_of("500001 5 500002 1300 ", 0),
		document_of("500002 1300  500003 2600", 1),
		document_of("0500003 2600", 2),
		document_of("500004 5000 500003 4000", 3),
		document_of("100 6000 99 6000 99 6000", 4),
		document_of("99 6000 100 6000", 5), /* not in canonical order */
		document_of("a text of another kind, \377", 6),
		document_of(" ", 7),
		document_of("1", 8),
		document_of("4294967295 2147483647", EP_NO_SEGMENT),
		document_of("4294967296 2147483648", EP_NO_SEGMENT),
		document_of("500004 10342 500004 10342", 8),
		document_of("500004 10345 500004 10345", 7),
	};
	size_t count = sizeof documents / sizeof *documents;
	assert_come_back(documents, count, EP_CODES_TEXT);
	assert_come_back(documents, count, EP_CODES_PACKED);
	assert_come_back(documents, count, EP_CODES_ONSET);
}

static void
the_same_documents_always_give_the_same_bytes(void **state)
{
	(void)state;
	EP_CUT struct ep_cut cut = { 0 };
	struct ep_codes_document documents[DOCUMENTS_MAX];
	size_t count = made_up_track(&cut, documents, 5, 9000);
	EP_OWNED(ep_codes_coder_free)
	struct ep_codes_coder *coder = new_coder(EP_CODES_ONSET);
	EP_OWNED(ep_codes_coder_free)
	struct ep_codes_coder *other = new_coder(EP_CODES_ONSET);
	EP_BUFFER struct ep_buffer one = { 0 };
	EP_BUFFER struct ep_buffer two = { 0 };
	assert_int_equal(ep_codes_encode(&one, coder, documents, 3, NULL), EP_OK);
	one.size = 0;
	assert_int_equal(ep_codes_encode(&one, coder, documents, count, NULL), EP_OK);
	assert_int_equal(ep_codes_encode(&two, other, documents, count, NULL), EP_OK);
	assert_int_equal(one.size, two.size);
	assert_memory_equal(one.data, two.data, one.size);
}

static void
assert_corrupt(const char *bytes, size_t size, size_t count, const char *words)
{
	EP_OWNED(ep_codes_coder_free)
	struct ep_codes_coder *coder = new_coder(EP_CODES_ONSET);
	struct ep_codes_document documents[DOCUMENTS_MAX];
	struct ep_error err;
	for (uint32_t i = 0; i < count; i++)
		documents[i] = document_of("untouched", i == 3 ? 9 : i);
	assert_int_equal(
		ep_codes_decode(coder, documents, count, (const uint8_t *)bytes, size, &err),
		EP_CORRUPT);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
	for (size_t i = 0; i < count; i++)
		assert_true(ep_text_equal(documents[i].text, ep_text_of("untouched")));
}

static void
damaged_blobs_are_refused(void **state)
{
	(void)state;
	assert_corrupt("x", 1, 0, "1 bytes after the last document");
	assert_corrupt("", 0, 1, "truncated");
	assert_corrupt("\x80", 1, 2, "2 documents in an encoding for one");
	assert_corrupt("\x00\x01\x01x", 4, 1, "a run of 1 documents with 1 left");
	assert_corrupt("\x00\x00\x00", 3, 2, "a run of 0 documents with 2 left");
	assert_corrupt("\x00\x01\x05x", 4, 2, "truncated");
	assert_corrupt("\xff", 1, 1, "unknown encoding 127");
	assert_corrupt("\x81", 1, 1, "kind");
	assert_corrupt("\x81\x04", 2, 1, "kind");
	assert_corrupt("\x81\x00", 2, 4, "segments that do not follow each other");
	assert_corrupt("\x81\x00\xff\xff\x03\x01xxx", 9, 2, "a code above");
	assert_corrupt("\x81\x00\xff\xff\x03\x01x\0\0", 9, 2, "outside of the documents");
}

/* A run of one document from time 0 on, with onsets that take 1,544 units of work in 16 bytes. */
#define SLOW "\x00\xef\x2e\x81\xf0\x2e\x1c\x78\xdd\x5d\x1f\xf8\xe2\xa4\x47\xc5\x39\x3f\x69\xd3\xb2"
#define SLOW_RUN "\x03\x01\x15" SLOW

static void
a_blob_that_would_be_much_work_is_refused(void **state)
{
	(void)state;
	static const char blob[] = SLOW_RUN SLOW_RUN SLOW_RUN SLOW_RUN "\x83" SLOW;
	EP_OWNED(ep_codes_coder_free)
	struct ep_codes_coder *coder = new_coder(EP_CODES_ONSET);
	struct ep_codes_document documents[5] = { { .segment = 0 }, { .segment = 2 } };
	const uint8_t *one = (const uint8_t *)blob + sizeof blob - sizeof SLOW - 1;
	assert_int_equal(ep_codes_decode(coder, documents, 1, one, sizeof SLOW, NULL), EP_OK);
	assert_int_equal(ep_codes_work(coder), 1544);
	assert_within(ep_codes_work(coder), 0, EP_CODES_WORK_MAX(sizeof SLOW));
	assert_corrupt(blob, sizeof blob - 1, 5, "too much work for their size");

	struct ep_codes_walk walk = { .reader = ep_reader_of(blob, sizeof blob - 1),
		                      .documents = documents,
		                      .count = 5 };
	struct ep_codes_run run;
	assert_int_equal(ep_codes_next_run(&run, &walk, coder, NULL), EP_OK);
	assert_int_equal(ep_codes_next_run(&run, &walk, coder, NULL), EP_CORRUPT);
}

/* Changes every bit of a blob, and cuts it everywhere. */
static void
damage(struct ep_buffer *blob, struct ep_codes_coder *coder, struct ep_codes_document *documents,
       size_t count)
{
	for (size_t at = 0; at < blob->size; at++) {
		enum ep_status status;
		for (unsigned bit = 0; bit < 8; bit++) {
			blob->data[at] ^= (uint8_t)(1U << bit);
			status = ep_codes_decode(coder, documents, count, blob->data, blob->size,
			                         NULL);
			assert_true(status == EP_OK || status == EP_CORRUPT);
			blob->data[at] ^= (uint8_t)(1U << bit);
		}
		status = ep_codes_decode(coder, documents, count, blob->data, at, NULL);
		assert_true(status == EP_OK || status == EP_CORRUPT);
	}
}

static void
every_cut_and_every_changed_byte_is_decoded_or_refused(void **state)
{
	(void)state;
	EP_CUT struct ep_cut cut = { 0 };
	struct ep_codes_document documents[DOCUMENTS_MAX];
	EP_OWNED(ep_codes_coder_free)
	struct ep_codes_coder *coder = new_coder(EP_CODES_ONSET);
	EP_BUFFER struct ep_buffer blob = { 0 };
	size_t count = made_up_track(&cut, documents, 100, 4000);
	documents[1].segment = EP_NO_SEGMENT;
	assert_int_equal(ep_codes_encode(&blob, coder, documents, count, NULL), EP_OK);
	damage(&blob, coder, documents, count);

	count = track_of_onsets(&cut, documents);
	documents[1].segment = EP_NO_SEGMENT;
	blob.size = 0;
	assert_int_equal(ep_codes_encode(&blob, coder, documents, count, NULL), EP_OK);
	damage(&blob, coder, documents, count);
}

static void
more_text_than_a_track_may_hold_is_refused(void **state)
{
	(void)state;
	EP_OWNED(ep_codes_coder_free)
	struct ep_codes_coder *coder = new_coder(EP_CODES_ONSET);
	size_t size = EP_CODES_TEXT_MAX / 4 + 1;
	EP_FREE char *text = malloc(size);
	assert_non_null(text);
	memset(text, 'x', size);
	struct ep_codes_document documents[4];
	for (size_t i = 0; i < 4; i++)
		documents[i] = (struct ep_codes_document){ { text, size }, EP_NO_SEGMENT };
	EP_BUFFER struct ep_buffer blob = { 0 };
	assert_int_equal(ep_codes_encode(&blob, coder, documents, 4, NULL), EP_BAD_INPUT);
	assert_int_equal(blob.size, 0);
	documents[3].text.size -= 4;
	assert_int_equal(ep_codes_encode(&blob, coder, documents, 4, NULL), EP_OK);
	assert_int_equal(ep_codes_decode(coder, documents, 4, blob.data, blob.size, NULL), EP_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_documents_take_no_bytes),
		cmocka_unit_test(documents_that_agree_are_stored_once),
		cmocka_unit_test(documents_of_onsets_are_a_hundred_times_smaller),
		cmocka_unit_test(one_document_of_onsets_needs_no_segment),
		cmocka_unit_test(onsets_with_a_foreign_code_among_them_are_packed),
		cmocka_unit_test(text_is_all_that_is_used_where_nothing_else_is_allowed),
		cmocka_unit_test(silent_documents_are_part_of_a_run),
		cmocka_unit_test(a_track_that_starts_late_and_has_a_gap_comes_back),
		cmocka_unit_test(documents_that_disagree_are_stored_alone),
		cmocka_unit_test(a_document_with_a_code_too_many_in_the_overlap_is_stored_alone),
		cmocka_unit_test(text_that_is_not_as_printed_comes_back),
		cmocka_unit_test(the_same_documents_always_give_the_same_bytes),
		cmocka_unit_test(damaged_blobs_are_refused),
		cmocka_unit_test(a_blob_that_would_be_much_work_is_refused),
		cmocka_unit_test(every_cut_and_every_changed_byte_is_decoded_or_refused),
		cmocka_unit_test(more_text_than_a_track_may_hold_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
