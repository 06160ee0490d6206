/* A whole file into the log: what is kept, what is counted, and what becomes of a file that fails.
 */
#include "ingest/ingest.h"

#include "format/compress.h"
#include "tests/one_node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ROW(id, artist) id ",4.12,,60," artist ",release,track\r\n"

/* What was told of rejects, one after the other: "NUMBER ". */
static char told[256];

static enum ep_status
note_reject(void *context, const struct ep_reject *reject, struct ep_error *err)
{
	size_t size = strlen(told);
	(void)context;
	(void)err;
	assert_string_equal(reject->file, "memory");
	snprintf(told + size, sizeof told - size, "%s %llu ", reject->what,
	         (unsigned long long)reject->number);
	return EP_OK;
}

static const struct ep_ingest_options plain = { .source = { "local", 5 },
	                                        .import_date = 7,
	                                        .on_reject = note_reject };

/* Ingests bytes, and adds to report. */
static enum ep_status
ingest_bytes(struct ep_ingest_report *report, const struct ep_ingest_options *options,
             struct ep_bytes bytes, struct ep_error *err)
{
	EP_OWNED(ep_ingest_close)
	struct ep_ingest *ingest = NULL;
	struct ep_input_from from = { .kind = EP_INPUT_BYTES, .name = "memory", .bytes = bytes };
	told[0] = '\0';
	needs(ep_ingest_open(&ingest, node.log, options, report, NULL));
	return ep_ingest_input(ingest, &from, err);
}

static enum ep_status
ingest(struct ep_ingest_report *report, const struct ep_ingest_options *options, const char *text)
{
	*report = (struct ep_ingest_report){ 0 };
	return ingest_bytes(report, options, ep_bytes_of_text(ep_text_of(text)), NULL);
}

static struct ep_log_state
log_state(void)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_log_state state;
	needs(ep_log_read_begin(&read, node.log, NULL));
	ep_log_state(&state, read);
	return state;
}

/* Documents that a track has; 0 where it is not there. */
static uint32_t
documents_of(const char *id)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_entry entry = { 0 };
	needs(ep_log_read_begin(&read, node.log, NULL));
	enum ep_status status = ep_log_find(&entry, read, ep_text_of(id), NULL);
	return status == EP_OK && entry.operation == EP_PUT ? entry.document_count : 0;
}

static void
a_report_counts_each_row_once(void **state)
{
	struct ep_ingest_report report;
	(void)state;
	needs(ingest(&report, &plain, ROW("a-0", "x") ROW("a-1", "x") ROW("b-0", "x")));
	assert_int_equal(report.counts.added, 3);
	/* Two as before, one other, one more, one that comes twice, one bad. */
	needs(ingest(&report, &plain,
	             ROW("a-0", "x") ROW("a-1", "y") ROW("a-2", "x") ROW("a-2", "x")
	                     ROW("b-0", "x") "bad\r\n"));
	assert_int_equal(report.counts.added, 1);
	assert_int_equal(report.counts.updated, 1);
	assert_int_equal(report.counts.unchanged, 3);
	assert_int_equal(report.counts.conflict, 0);
	assert_int_equal(report.rejected, 1);
	assert_int_equal(ep_ingest_read(&report), 6);
	assert_string_equal(told, "row 6 ");
	/* A row that changes within a file is an update of what the file itself brought. */
	needs(ingest(&report, &plain, ROW("c-0", "x") ROW("c-0", "y")));
	assert_int_equal(report.counts.added, 1);
	assert_int_equal(report.counts.updated, 1);
}

static void
the_same_again_is_no_change(void **state)
{
	struct ep_ingest_report report;
	const char text[] = ROW("a-0", "x") ROW("b-0", "x") ROW("a-1", "x");
	(void)state;
	needs(ingest(&report, &plain, text));
	uint64_t position = log_state().position;
	needs(ingest(&report, &plain, text));
	assert_int_equal(report.counts.unchanged, 3);
	assert_int_equal(ep_ingest_read(&report), 3);
	assert_int_equal(log_state().position, position);
}

static void
rows_join_their_track_and_a_song_replaces_it(void **state)
{
	struct ep_ingest_report report;
	struct ep_ingest_options songs = plain;
	(void)state;
	needs(ingest(&report, &plain, ROW("a-0", "x") ROW("b-0", "x") ROW("a-2", "x")));
	assert_int_equal(documents_of("a"), 2);
	needs(ingest(&report, &plain, ROW("a-1", "x")));
	assert_int_equal(documents_of("a"), 3);
	songs.kind = EP_INGEST_CODEGEN;
	needs(ingest(&report, &songs,
	             "[{\"code\":\"5 100 6 200\",\"metadata\":{\"track_id\":\"a\","
	             "\"duration\":60,\"version\":4.12}}, {\"no\":\"song\"},"
	             "{\"code\":\"\",\"metadata\":{\"duration\":60,\"version\":4.12}},"
	             "{\"code\":\"\"}]"));
	assert_int_equal(documents_of("a"), 1);
	assert_int_equal(documents_of("b"), 1);
	assert_int_equal(report.counts.updated, 1);
	assert_int_equal(report.passed_over, 1);
	assert_int_equal(report.without_codes, 1);
	assert_int_equal(report.rejected, 1);
	assert_string_equal(told, "object 4 ");
}

/* ---- all or nothing ---- */

static void
a_strict_file_with_a_bad_row_leaves_nothing(void **state)
{
	struct ep_ingest_report report;
	struct ep_ingest_options strict = plain;
	struct ep_error err;
	(void)state;
	strict.strict = true;
	report = (struct ep_ingest_report){ 0 };
	struct ep_text text = ep_text_of(ROW("a-0", "x") "bad\r\n" ROW("b-0", "x") "worse\r\n");
	assert_int_equal(ingest_bytes(&report, &strict, ep_bytes_of_text(text), &err),
	                 EP_BAD_INPUT);
	assert_string_equal(
		err.text,
		"memory: 2 rows were rejected, so nothing from the file was kept (--strict)");
	assert_int_equal(report.rejected, 2);
	assert_int_equal(ep_ingest_read(&report), 2);
	assert_string_equal(told, "row 2 row 4 ");
	assert_int_equal(log_state().position, 0);
	needs(ingest(&report, &strict, ROW("a-0", "x")));
	assert_int_equal(log_state().position, 1);
}

static void
a_dry_run_counts_as_if_it_kept_what_it_read(void **state)
{
	struct ep_ingest_report report = { 0 };
	struct ep_ingest_options dry = plain;
	struct ep_input_from from = { .kind = EP_INPUT_BYTES, .name = "memory" };
	EP_OWNED(ep_ingest_close)
	struct ep_ingest *files = NULL;
	(void)state;
	dry.dry_run = true;
	needs(ep_ingest_open(&files, node.log, &dry, &report, NULL));
	from.bytes = ep_bytes_of_text(ep_text_of(ROW("a-0", "x")));
	for (int i = 0; i < 2; i++)
		needs(ep_ingest_input(files, &from, NULL));
	/* The second file finds what the first one brought. */
	assert_int_equal(report.counts.added, 1);
	assert_int_equal(report.counts.unchanged, 1);
	ep_ingest_close(EP_TAKE(files));
	assert_int_equal(log_state().position, 0);
}

/* Called before a commit: notes how much is there, and fails as it is told to. */
struct before {
	enum ep_status status;
	int calls;
	uint64_t tracks;
};

static enum ep_status
before_commit(void *context, struct ep_log_write *write, struct ep_error *err)
{
	struct before *before = context;
	struct ep_log_state state;
	ep_log_state(&state, ep_log_inside(write));
	before->calls++;
	before->tracks = state.tracks;
	needs(ep_log_set_number(write, "beside", 1, NULL));
	return before->status == EP_OK ? EP_OK : ep_fail(err, before->status, "not now");
}

static uint64_t
beside(void)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	uint64_t value;
	needs(ep_log_read_begin(&read, node.log, NULL));
	needs(ep_log_number(&value, read, "beside", NULL));
	return value;
}

static void
what_is_set_before_the_commit_stands_or_falls_with_the_file(void **state)
{
	struct ep_ingest_report report;
	struct before before = { .status = EP_BAD_INPUT };
	struct ep_ingest_options options = plain;
	(void)state;
	options.before_commit = before_commit;
	options.context = &before;
	assert_int_equal(ingest(&report, &options, ROW("a-0", "x")), EP_BAD_INPUT);
	assert_int_equal(before.calls, 1);
	assert_int_equal(before.tracks, 1);
	assert_int_equal(log_state().position, 0);
	assert_int_equal(beside(), 0);
	before = (struct before){ 0 };
	needs(ingest(&report, &options, ROW("a-0", "x") ROW("b-0", "x")));
	assert_int_equal(before.calls, 1);
	assert_int_equal(before.tracks, 2);
	assert_int_equal(beside(), 1);
	/* Also of a file that brings nothing. */
	before = (struct before){ 0 };
	needs(ingest(&report, &options, ""));
	assert_int_equal(before.calls, 1);
}

/* ---- files that fail ---- */

/* A compressed file of so many tracks, which takes all the bytes of its packing. */
static void
pack(struct ep_buffer *packed, size_t tracks)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	char row[64];
	for (size_t i = 0; i < tracks; i++) {
		int size = snprintf(row, sizeof row, "t%zu-0,4.12,,60,%zx,,\n", i, i * 7919);
		needs(ep_buffer_append(&text, row, (size_t)size, NULL));
	}
	needs(ep_compress_block(packed, EP_COMPRESS_ZSTD, text.data, text.size / 2, NULL));
	needs(ep_compress_block(packed, EP_COMPRESS_ZSTD, text.data + text.size / 2,
	                        text.size - text.size / 2, NULL));
}

static void
what_stood_before_the_damage_of_a_file_is_kept(void **state)
{
	EP_BUFFER struct ep_buffer packed = { 0 };
	struct ep_ingest_report report = { 0 };
	struct ep_ingest_options strict = plain;
	struct ep_error err;
	(void)state;
	pack(&packed, 1000);
	struct ep_bytes cut = { packed.data, packed.size - packed.size / 4 };
	strict.strict = true;
	assert_int_equal(ingest_bytes(&report, &strict, cut, &err), EP_CORRUPT);
	assert_int_equal(log_state().tracks, 0);
	assert_int_equal(ep_ingest_read(&report), 0);
	assert_int_equal(ingest_bytes(&report, &plain, cut, &err), EP_CORRUPT);
	assert_memory_equal(err.text, "memory: ", 8);
	assert_true(report.counts.added >= 400 && report.counts.added < 1000);
	assert_int_equal(log_state().tracks, report.counts.added);
	assert_int_equal(report.rejected, 0);
	report = (struct ep_ingest_report){ 0 };
	needs(ingest_bytes(&report, &plain, ep_buffer_bytes(&packed), NULL));
	assert_int_equal(log_state().tracks, 1000);
	assert_int_equal(ep_ingest_read(&report), 1000);
}

static enum ep_status
refuse_to_hear(void *context, const struct ep_reject *reject, struct ep_error *err)
{
	(void)context;
	(void)reject;
	return ep_fail(err, EP_NO_SPACE, "the list of rejects is full");
}

static void
who_cannot_be_told_of_a_reject_ends_the_ingest(void **state)
{
	struct ep_ingest_report report = { 0 };
	struct ep_ingest_options options = plain;
	struct ep_error err;
	struct ep_text text = ep_text_of(ROW("a-0", "x") "bad\r\n");
	(void)state;
	options.on_reject = refuse_to_hear;
	assert_int_equal(ingest_bytes(&report, &options, ep_bytes_of_text(text), &err),
	                 EP_NO_SPACE);
	assert_string_equal(err.text, "memory: the list of rejects is full");
}

static void
a_stop_ends_it_and_keeps_the_log_as_it_was(void **state)
{
	atomic_bool stop = true;
	struct ep_ingest_report report;
	struct ep_ingest_options options = plain;
	(void)state;
	options.stop = &stop;
	assert_int_equal(ingest(&report, &options, ROW("a-0", "x")), EP_INTERRUPTED);
	assert_int_equal(log_state().position, 0);
}

static void
a_track_takes_the_date_and_the_source_of_its_ingest(void **state)
{
	struct ep_ingest_report report;
	struct ep_ingest_options options = plain;
	struct ep_entry entry;
	(void)state;
	options.source = ep_text_of("paris");
	options.import_date = 1234;
	needs(ingest(&report, &options, ROW("a-0", "x")));
	/* Files of another source change nothing of it. */
	needs(ingest(&report, &plain, ROW("a-0", "x")));
	assert_int_equal(report.counts.unchanged, 1);
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	needs(ep_log_read_begin(&read, node.log, NULL));
	needs(ep_log_find(&entry, read, ep_text_of("a"), NULL));
	assert_int_equal(entry.import_date, 1234);
	assert_int_equal(entry.source, 3);
}

#define OF_A_NODE(test) cmocka_unit_test_setup_teardown(test, make_node, remove_node)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		OF_A_NODE(a_report_counts_each_row_once),
		OF_A_NODE(the_same_again_is_no_change),
		OF_A_NODE(rows_join_their_track_and_a_song_replaces_it),
		OF_A_NODE(a_strict_file_with_a_bad_row_leaves_nothing),
		OF_A_NODE(a_dry_run_counts_as_if_it_kept_what_it_read),
		OF_A_NODE(what_is_set_before_the_commit_stands_or_falls_with_the_file),
		OF_A_NODE(what_stood_before_the_damage_of_a_file_is_kept),
		OF_A_NODE(who_cannot_be_told_of_a_reject_ends_the_ingest),
		OF_A_NODE(a_stop_ends_it_and_keeps_the_log_as_it_was),
		OF_A_NODE(a_track_takes_the_date_and_the_source_of_its_ingest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
