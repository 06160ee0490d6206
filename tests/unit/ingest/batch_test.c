/* From bytes to tracks that are ready: what a file is taken for, and what becomes of its rows. */
#include "ingest/batch_reader.h"

#include "tests/input.h"
#include "tests/must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROW(id, artist) id ",4.12,,60," artist ",release,track\r\n"

/* One file on its way. */
struct file {
	struct input input;
	struct ep_batch_reader *reader;
	struct ep_batch batch;
	struct ep_batch_scratch scratch;
};

static enum ep_status
open_file(struct file *file, const char *text, size_t size, size_t piece, bool songs)
{
	*file = (struct file){ .input = { .at = text, .size = size, .piece = piece } };
	struct ep_source source = { .read = read_input, .context = &file->input };
	needs(ep_codes_coder_new(&file->scratch.coder, EP_CODES_ONSET, NULL));
	return ep_batch_reader_open(&file->reader, source, songs, NULL);
}

static void
close_file(struct file *file)
{
	ep_batch_reader_close(file->reader);
	ep_batch_free(&file->batch);
	ep_batch_scratch_free(&file->scratch);
}

/* Reads the next batch and makes its tracks ready; false at the end. */
static bool
next(struct file *file)
{
	struct ep_batch_options options = { .now_ms = 1 };
	bool end = false;
	needs(ep_batch_read(file->reader, &file->batch, &end, NULL));
	if (end)
		return false;
	needs(ep_batch_make(file->reader, &file->batch, &file->scratch, &options, NULL));
	needs(ep_batch_check(file->reader, &file->batch, NULL));
	ep_batch_sort_refused(&file->batch);
	return true;
}

/* Reads all rows of a text that is one batch. */
static const struct ep_batch *
rows(struct file *file, const char *text)
{
	needs(open_file(file, text, strlen(text), 4096, false));
	assert_true(next(file));
	return &file->batch;
}

/* ---- recognising ---- */

static void
a_file_is_what_its_first_bytes_say(void **state)
{
	static const struct {
		const char *text;
		bool songs;
		enum ep_content content;
		enum ep_status status;
	} cases[] = {
		{ "", false, EP_ROWS, EP_OK },
		{ "a", false, EP_ROWS, EP_OK },
		{ ROW("a-0", "x"), false, EP_ROWS, EP_OK },
		/* Of a dump, JSON is bad rows; only who says so gives songs. */
		{ "[{\"code\":\"\"}]", false, EP_ROWS, EP_OK },
		{ "[{\"code\":\"\"}]", true, EP_SONGS, EP_OK },
		{ EP_PACKET_MAGIC, true, EP_SONGS, EP_OK },
		/* The magic without a header behind it; and all but its last byte. */
		{ EP_PACKET_MAGIC, false, EP_PACKET, EP_CORRUPT },
		{ "\x89"
		  "EPK\r\n\x1a",
		  false, EP_ROWS, EP_OK },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (size_t piece = 1; piece < 40; piece += 38) {
			struct file file;
			size_t size = strlen(cases[i].text);
			assert_int_equal(
				open_file(&file, cases[i].text, size, piece, cases[i].songs),
				cases[i].status);
			if (file.reader) {
				assert_int_equal(ep_batch_reader_content(file.reader),
				                 cases[i].content);
				assert_null(ep_batch_reader_packet(file.reader));
			}
			close_file(&file);
		}
	}
}

static void
the_bytes_by_which_it_was_recognised_are_read_too(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 12; piece++) {
		struct file file;
		const char text[] = ROW("TRABCDEFGHIJ-0", "x");
		needs(open_file(&file, text, strlen(text), piece, false));
		assert_true(next(&file));
		assert_int_equal(file.batch.ready_count, 1);
		struct ep_text id = file.batch.ready[0].track.id;
		assert_true(ep_text_equal(id, ep_text_of("TRABCDEFGHIJ")));
		assert_false(next(&file));
		close_file(&file);
	}
}

/* ---- batches ---- */

/* So many rows, the first `alone` of which are a track each; the rest is one track. */
static char *
many_rows(size_t count, size_t alone)
{
	char *text = malloc(count * 32 + 1);
	char *at = text;
	must(text != NULL);
	for (size_t i = 0; i < count; i++)
		at += i < alone ? sprintf(at, "t%zu,1,,1,,,\n", i)
		                : sprintf(at, "last-%zu,1,,1,,,\n", i - alone);
	return text;
}

static void
a_batch_ends_between_tracks(void **state)
{
	struct file file;
	size_t alone = EP_CSV_BLOCK_ROWS - 10;
	EP_FREE char *text = many_rows(EP_CSV_BLOCK_ROWS + 1000, alone);
	(void)state;
	needs(open_file(&file, text, strlen(text), 1 << 16, false));
	assert_true(next(&file));
	/* The last track would go over the limit: it comes whole with the next batch. */
	assert_int_equal(file.batch.ready_count, alone);
	assert_true(next(&file));
	assert_int_equal(file.batch.ready_count, 1);
	assert_int_equal(file.batch.ready[0].track.count, 1010);
	assert_false(next(&file));
	close_file(&file);
}

static void
a_batch_without_long_tracks_ends_at_its_limit(void **state)
{
	struct file file;
	EP_FREE char *text = many_rows(EP_CSV_BLOCK_ROWS + 1000, EP_CSV_BLOCK_ROWS + 1000);
	(void)state;
	needs(open_file(&file, text, strlen(text), 1 << 16, false));
	assert_true(next(&file));
	/* But for its last row, whose track may go on. */
	assert_int_equal(file.batch.ready_count, EP_CSV_BLOCK_ROWS - 1);
	assert_true(next(&file));
	assert_int_equal(file.batch.ready_count, 1001);
	assert_int_equal(file.batch.ready[1000].origins[0].number, EP_CSV_BLOCK_ROWS + 1000);
	assert_false(next(&file));
	close_file(&file);
}

static void
a_track_without_end_is_torn_at_the_hard_limit(void **state)
{
	struct file file;
	EP_FREE char *text = many_rows(EP_CSV_BLOCK_ROWS_MAX + 5, 0);
	(void)state;
	needs(open_file(&file, text, strlen(text), 1 << 16, false));
	assert_true(next(&file));
	assert_int_equal(file.batch.ready_count, 1);
	assert_int_equal(file.batch.ready[0].track.count, EP_CSV_BLOCK_ROWS_MAX);
	assert_true(next(&file));
	assert_int_equal(file.batch.ready[0].track.count, 5);
	close_file(&file);
}

/* ---- rows ---- */

static void
rows_of_a_track_are_put_in_order_and_the_last_of_each_counts(void **state)
{
	struct file file;
	const struct ep_batch *batch =
		rows(&file, ROW("a-10", "ten") ROW("a-2", "old") ROW("a-2", "new")
	                            ROW("a-0", "zero") ROW("a-2", "new") ROW("a-10", "ten"));
	(void)state;
	assert_int_equal(batch->ready_count, 1);
	const struct ep_ready *ready = &batch->ready[0];
	assert_int_equal(ready->track.count, 3);
	assert_true(ep_text_equal(ready->track.documents[0].suffix, ep_text_of("-0")));
	assert_true(ep_text_equal(ready->track.documents[1].artist, ep_text_of("new")));
	assert_true(ep_text_equal(ready->track.documents[2].suffix, ep_text_of("-10")));
	assert_int_equal(ready->repeated_changed, 1);
	assert_int_equal(ready->repeated_same, 2);
	assert_int_equal(ready->origin_count, 6);
	assert_false(ready->whole);
	close_file(&file);
}

static void
the_order_of_rows_changes_nothing_of_a_track(void **state)
{
	struct file one;
	struct file other;
	(void)state;
	rows(&one, ROW("a-0", "x") ROW("a-1", "y") ROW("a-2", "z"));
	rows(&other, ROW("a-2", "z") ROW("a-0", "x") ROW("a-1", "y"));
	assert_memory_equal(&one.batch.ready[0].hash, &other.batch.ready[0].hash,
	                    sizeof one.batch.ready[0].hash);
	assert_int_equal(one.batch.bodies.size, other.batch.bodies.size);
	assert_memory_equal(one.batch.bodies.data, other.batch.bodies.data, one.batch.bodies.size);
	close_file(&one);
	close_file(&other);
}

static void
each_bad_row_is_refused_with_its_reason_and_no_other(void **state)
{
	static const char *const reasons[] = {
		"it has 6 columns, but a row has 7",
		"it has 1 column, but a row has 7",
		"track_id is empty",
		"track_id is not UTF-8",
		"track_id has a control character at byte 2",
		"length \"1e3\" is not a number of seconds from 0 to 2147483647",
		"length \"\" is not a number of seconds",
		"length \"2147483648\" is not a number of seconds",
		"artist is not UTF-8",
		"a quoted field is not closed before the end of the file",
	};
	struct file file;
	const struct ep_batch *batch = rows(
		&file,
		ROW("a-0", "x") "a-1,4.12,,60,artist,release\r\n"
				"x\r\n" ROW("", "x") ROW("a\xff", "x")
					ROW("a\x7f",
	                                    "x") "a-2,4.12,,1e3,,,\r\na-2,4.12,,,,,\r\n"
						 "a-2,4.12,,2147483648,,,\r\n" ROW("a-2", "\xc3(")
							 ROW("a-1", "x") "a-3,4.12,,60,,,\"open");
	(void)state;
	size_t count = sizeof reasons / sizeof *reasons;
	assert_int_equal(batch->refused_count, count);
	for (size_t i = 0; i < count; i++) {
		const struct ep_refused *refused = &batch->refused[i];
		assert_non_null(strstr(refused->reason, reasons[i]));
		assert_int_equal(refused->origin.number, i + 1 < count ? i + 2 : 12);
		assert_int_equal(refused->documents, 1);
	}
	assert_true(ep_text_equal(batch->refused[1].origin.raw, ep_text_of("x\r\n")));
	size_t documents = 0;
	for (size_t i = 0; i < batch->ready_count; i++)
		documents += batch->ready[i].track.count;
	assert_int_equal(documents, 2);
	close_file(&file);
}

static void
codes_that_are_none_cost_their_row_only(void **state)
{
	struct file file;
	const struct ep_batch *batch =
		rows(&file, "a-1,4.12,1 2 3 4,60,,,\r\na-0,4.12,1 2 3,60,,,\r\n"
	                    "a-2,4.12,1 x,60,,,\r\nb-0,4.12,1 2 x,60,,,\r\n");
	(void)state;
	/* Of b nothing is left. */
	assert_int_equal(batch->ready_count, 1);
	assert_int_equal(batch->ready[0].track.count, 1);
	assert_true(ep_text_equal(batch->ready[0].track.documents[0].suffix, ep_text_of("-1")));
	assert_int_equal(batch->ready[0].origin_count, 1);
	assert_int_equal(batch->refused_count, 3);
	assert_int_equal(batch->refused[0].origin.number, 2);
	assert_int_equal(batch->refused[2].origin.number, 4);
	close_file(&file);
}

static void
a_length_loses_its_decimals(void **state)
{
	struct file file;
	const struct ep_batch *batch =
		rows(&file, "a-0,4.12,,59.99,,,\r\na-1,4.12,,7.,,,\r\na-2,4.12,,2147483647,,,\r\n");
	(void)state;
	const struct ep_document *documents = batch->ready[0].track.documents;
	assert_true(ep_text_equal(documents[0].length, ep_text_of("59")));
	assert_true(ep_text_equal(documents[1].length, ep_text_of("7")));
	assert_true(ep_text_equal(documents[2].length, ep_text_of("2147483647")));
	close_file(&file);
}

static void
the_longest_id_is_taken_and_a_longer_one_is_not(void **state)
{
	struct file file;
	char text[1024];
	char id[257];
	(void)state;
	memset(id, 'i', 256);
	id[256] = '\0';
	snprintf(text, sizeof text, "%s,4.12,,60,,,\r\n%s,4.12,,60,,,\r\n", id + 1, id);
	const struct ep_batch *batch = rows(&file, text);
	assert_int_equal(batch->ready_count, 1);
	assert_int_equal(batch->ready[0].track.id.size, 255);
	assert_int_equal(batch->refused_count, 1);
	assert_non_null(strstr(batch->refused[0].reason, "256 bytes, but may have at most 255"));
	close_file(&file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_what_its_first_bytes_say),
		cmocka_unit_test(the_bytes_by_which_it_was_recognised_are_read_too),
		cmocka_unit_test(a_batch_ends_between_tracks),
		cmocka_unit_test(a_batch_without_long_tracks_ends_at_its_limit),
		cmocka_unit_test(a_track_without_end_is_torn_at_the_hard_limit),
		cmocka_unit_test(rows_of_a_track_are_put_in_order_and_the_last_of_each_counts),
		cmocka_unit_test(the_order_of_rows_changes_nothing_of_a_track),
		cmocka_unit_test(each_bad_row_is_refused_with_its_reason_and_no_other),
		cmocka_unit_test(codes_that_are_none_cost_their_row_only),
		cmocka_unit_test(a_length_loses_its_decimals),
		cmocka_unit_test(the_longest_id_is_taken_and_a_longer_one_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
