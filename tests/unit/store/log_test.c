#include "store/log.h"
#include "store/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* The thread sanitizer leaves less address space than a log usually takes. */
#define MAP_SIZE ((size_t)1 << 36)

/* A log in a folder of its own. */
struct fixture {
	char folder[32];
	struct ep_log *log;
	struct ep_codes_coder *coder;
};

static int
set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	memcpy(fixture->folder, "/tmp/ep-log-XXXXXX", 19);
	if (!mkdtemp(fixture->folder) ||
	    ep_log_open_within(&fixture->log, fixture->folder, EP_LOG_MAKE, MAP_SIZE, NULL) !=
	            EP_OK ||
	    ep_codes_coder_new(&fixture->coder, EP_CODES_ONSET, NULL) != EP_OK)
		return -1;
	*state = fixture;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *fixture = *state;
	ep_codes_coder_free(fixture->coder);
	ep_log_close(fixture->log);
	static const char *const names[] = { "data.mdb", "lock.mdb" };
	for (size_t i = 0; i < 2; i++) {
		char path[64];
		snprintf(path, sizeof path, "%s/%s", fixture->folder, names[i]);
		unlink(path);
	}
	rmdir(fixture->folder);
	free(fixture);
	return 0;
}

static struct ep_document
row_of(const char *suffix, const char *codes, const char *artist)
{
	return (struct ep_document){
		.suffix = ep_text_of(suffix),
		.codever = ep_text_of("4.12"),
		.codes = ep_text_of(codes),
		.length = ep_text_of("120"),
		.artist = ep_text_of(artist),
		.release = ep_text_of(""),
		.track = ep_text_of("Song"),
	};
}

/* Puts rows of one track in a transaction of their own. */
static enum ep_status
put(struct fixture *fixture, struct ep_put_counts *counts, const char *source, bool whole,
    const char *id, struct ep_document *rows, size_t count)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_BUFFER struct ep_buffer body = { 0 };
	struct ep_track track = { .id = ep_text_of(id), .documents = rows, .count = count };
	EP_TRY(ep_entry_put_body(&body, NULL, &track, fixture->coder, NULL));
	EP_TRY(ep_log_write_begin(&write, fixture->log, NULL));
	struct ep_put wanted = {
		.track = &track, .body = ep_buffer_bytes(&body), .import_date = 1000, .whole = whole
	};
	ep_track_hash(&wanted.hash, &track);
	EP_TRY(ep_log_source(&wanted.source, write, ep_text_of(source), NULL));
	*counts = (struct ep_put_counts){ 0 };
	EP_TRY(ep_log_put(write, &wanted, counts, NULL));
	return ep_log_commit(&write, NULL);
}

/* The same with fields; none where the first key is NULL. */
static enum ep_status
put_with(struct fixture *fixture, struct ep_put_counts *counts, const char *source,
         const char *artist, const struct ep_field *fields, size_t field_count, bool all)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_BUFFER struct ep_buffer body = { 0 };
	struct ep_document row = row_of("-0", "1 2 3 4", artist);
	struct ep_track track = { .id = ep_text_of("TRF"),
		                  .documents = &row,
		                  .count = 1,
		                  .fields = { fields, field_count } };
	EP_TRY(ep_entry_put_body(&body, NULL, &track, fixture->coder, NULL));
	EP_TRY(ep_log_write_begin(&write, fixture->log, NULL));
	struct ep_put wanted = { .track = &track,
		                 .body = ep_buffer_bytes(&body),
		                 .import_date = 1000,
		                 .whole = strcmp(source, "local") == 0,
		                 .all_fields = all,
		                 .edit = all };
	ep_track_hash(&wanted.hash, &track);
	EP_TRY(ep_log_source(&wanted.source, write, ep_text_of(source), NULL));
	*counts = (struct ep_put_counts){ 0 };
	EP_TRY(ep_log_put(write, &wanted, counts, NULL));
	return ep_log_commit(&write, NULL);
}

/* Whether the track has these fields. */
static void
assert_fields(struct fixture *fixture, const struct ep_field *fields, size_t count)
{
	EP_DECODED struct ep_decoded decoded = { 0 };
	struct ep_log_read *read;
	struct ep_entry entry;
	const struct ep_fields wanted = { fields, count };
	assert_int_equal(ep_log_read_begin(&read, fixture->log, NULL), EP_OK);
	assert_int_equal(ep_log_find(&entry, read, ep_text_of("TRF"), NULL), EP_OK);
	assert_int_equal(ep_entry_decode(&decoded, &entry, fixture->coder, NULL), EP_OK);
	assert_true(ep_fields_equal(&decoded.track.fields, &wanted));
	ep_log_read_end(read);
}

static void
delete_track(struct fixture *fixture, const char *id)
{
	struct ep_log_write *write;
	assert_int_equal(ep_log_write_begin(&write, fixture->log, NULL), EP_OK);
	assert_int_equal(ep_log_delete(write, ep_text_of(id), 2000, NULL), EP_OK);
	assert_int_equal(ep_log_commit(&write, NULL), EP_OK);
}

static struct ep_log_state
state_of(struct fixture *fixture)
{
	struct ep_log_read *read;
	struct ep_log_state state;
	assert_int_equal(ep_log_read_begin(&read, fixture->log, NULL), EP_OK);
	ep_log_state(&state, read);
	ep_log_read_end(read);
	return state;
}

static struct ep_hash
digest_of(struct fixture *fixture)
{
	struct ep_log_read *read;
	struct ep_digest digest;
	struct ep_hash name;
	assert_int_equal(ep_log_read_begin(&read, fixture->log, NULL), EP_OK);
	assert_int_equal(ep_log_digest(&digest, read, NULL), EP_OK);
	ep_log_read_end(read);
	ep_digest_name(&name, &digest);
	return name;
}

static void
assert_verifies(struct fixture *fixture)
{
	struct ep_verify_report report;
	struct ep_verify_options options = { 0 };
	assert_int_equal(ep_log_verify(&report, fixture->log, &options, NULL), EP_OK);
	assert_int_equal(report.problems, 0);
}

static const struct ep_field isrc = { { "isrc", 4 }, { "A", 1 } };
static const struct ep_field other_isrc = { { "isrc", 4 }, { "B", 1 } };
static const struct ep_field mood = { { "mood", 4 }, { "calm", 4 } };

static void
fields_of_a_put_join_those_of_the_track(void **state)
{
	struct fixture *fixture = *state;
	struct ep_put_counts counts;
	const struct ep_field both[] = { other_isrc, mood };
	assert_int_equal(put_with(fixture, &counts, "local", "A", &isrc, 1, false), EP_OK);
	assert_int_equal(counts.added, 1);
	assert_int_equal(put_with(fixture, &counts, "local", "A", &mood, 1, false), EP_OK);
	assert_int_equal(counts.updated, 1);
	assert_int_equal(put_with(fixture, &counts, "local", "B", &other_isrc, 1, false), EP_OK);
	assert_int_equal(counts.updated, 1);
	assert_fields(fixture, both, 2);
	assert_int_equal(put_with(fixture, &counts, "local", "B", &mood, 1, false), EP_OK);
	assert_int_equal(counts.unchanged, 1);
	assert_int_equal(put_with(fixture, &counts, "local", "C", NULL, 0, false), EP_OK);
	assert_fields(fixture, both, 2);
	assert_int_equal(put_with(fixture, &counts, "local", "C", &mood, 1, true), EP_OK);
	assert_int_equal(counts.updated, 1);
	assert_fields(fixture, &mood, 1);
	assert_verifies(fixture);
}

static void
fields_count_in_the_digest_and_go_with_their_track(void **state)
{
	struct fixture *fixture = *state;
	struct ep_put_counts counts;
	assert_int_equal(put_with(fixture, &counts, "local", "A", NULL, 0, true), EP_NOT_FOUND);
	assert_int_equal(put_with(fixture, &counts, "local", "A", NULL, 0, false), EP_OK);
	struct ep_hash plain = digest_of(fixture);
	assert_int_equal(put_with(fixture, &counts, "local", "A", &isrc, 1, true), EP_OK);
	struct ep_hash one = digest_of(fixture);
	assert_int_equal(put_with(fixture, &counts, "local", "A", &other_isrc, 1, true), EP_OK);
	struct ep_hash two = digest_of(fixture);
	assert_memory_not_equal(&plain, &one, sizeof plain);
	assert_memory_not_equal(&one, &two, sizeof one);
	assert_int_equal(put_with(fixture, &counts, "local", "A", NULL, 0, true), EP_OK);
	struct ep_hash again = digest_of(fixture);
	assert_memory_equal(&plain, &again, sizeof plain);
	assert_int_equal(put_with(fixture, &counts, "local", "A", &isrc, 1, true), EP_OK);
	delete_track(fixture, "TRF");
	assert_int_equal(put_with(fixture, &counts, "local", "A", NULL, 0, false), EP_OK);
	assert_fields(fixture, NULL, 0);
	assert_verifies(fixture);
}

static void
a_csv_says_nothing_of_fields(void **state)
{
	struct fixture *fixture = *state;
	struct ep_put_counts counts;
	assert_int_equal(put_with(fixture, &counts, "paris", "A", NULL, 0, false), EP_OK);
	assert_int_equal(put_with(fixture, &counts, "local", "A", &isrc, 1, true), EP_OK);
	uint64_t position = state_of(fixture).position;
	assert_int_equal(put_with(fixture, &counts, "paris", "A", NULL, 0, false), EP_OK);
	assert_int_equal(counts.unchanged, 1);
	assert_fields(fixture, &isrc, 1);
	assert_int_equal(put_with(fixture, &counts, "paris", "B", NULL, 0, false), EP_OK);
	assert_int_equal(counts.conflict, 1);
	assert_int_equal(state_of(fixture).position, position);
	assert_fields(fixture, &isrc, 1);

	/* What was set aside, accepted, changes rows alone. */
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	assert_int_equal(ep_log_write_begin(&write, fixture->log, NULL), EP_OK);
	assert_int_equal(
		ep_log_settle_conflict(&counts, write, ep_text_of("TRF"), true, 1, 5, NULL), EP_OK);
	assert_int_equal(ep_log_commit(&write, NULL), EP_OK);
	assert_fields(fixture, &isrc, 1);
	assert_verifies(fixture);
}

static void
positions_have_no_gaps_and_the_same_again_takes_none(void **state)
{
	struct fixture *fixture = *state;
	struct ep_put_counts counts;
	struct ep_document rows[] = { row_of("-0", "1 2 3 4", "A"), row_of("-1", "5 1300", "A") };
	for (int i = 0; i < 3; i++) {
		assert_int_equal(put(fixture, &counts, "local", true, "TRA", rows, 2), EP_OK);
		assert_int_equal(counts.added, i == 0 ? 2 : 0);
		assert_int_equal(counts.unchanged, i == 0 ? 0 : 2);
		assert_int_equal(state_of(fixture).position, 1);
	}
	assert_int_equal(put(fixture, &counts, "local", true, "TRB", rows, 2), EP_OK);
	assert_int_equal(state_of(fixture).position, 2);
	assert_int_equal(state_of(fixture).documents, 4);
	assert_verifies(fixture);
}

static void
rows_that_arrive_one_by_one_join_their_track_in_any_order(void **state)
{
	struct fixture *fixture = *state;
	struct ep_put_counts counts;
	struct ep_document rows[] = { row_of("-0", "1 2", "A"), row_of("-1", "5 1300", "A"),
		                      row_of("-2", "6 2600", "A") };
	static const size_t order[] = { 2, 0, 1 };
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(put(fixture, &counts, "A", false, "TRA", &rows[order[i]], 1),
		                 EP_OK);
		assert_int_equal(counts.added, 1);
	}
	struct ep_hash one_by_one = digest_of(fixture);
	assert_int_equal(state_of(fixture).tracks, 1);
	assert_int_equal(put(fixture, &counts, "A", false, "TRA", rows, 3), EP_OK);
	assert_int_equal(counts.unchanged, 3);
	struct ep_hash again = digest_of(fixture);
	assert_memory_equal(one_by_one.bytes, again.bytes, EP_HASH_SIZE);
	assert_verifies(fixture);
}

static void
a_csv_changes_only_what_a_csv_of_its_source_made(void **state)
{
	struct fixture *fixture = *state;
	struct ep_put_counts counts;
	struct ep_document first[] = { row_of("-0", "1 2", "A") };
	struct ep_document other[] = { row_of("-0", "1 2", "B") };
	assert_int_equal(put(fixture, &counts, "a", false, "TRA", first, 1), EP_OK);
	assert_int_equal(put(fixture, &counts, "b", false, "TRA", first, 1), EP_OK);
	assert_int_equal(counts.unchanged, 1);
	assert_int_equal(put(fixture, &counts, "b", false, "TRA", other, 1), EP_OK);
	assert_int_equal(counts.conflict, 1);
	assert_int_equal(state_of(fixture).position, 1);
	assert_int_equal(state_of(fixture).conflicts, 1);
	assert_int_equal(put(fixture, &counts, "a", false, "TRA", other, 1), EP_OK);
	assert_int_equal(counts.updated, 1);
	/* What it said before is known, and changes nothing. */
	assert_int_equal(put(fixture, &counts, "a", false, "TRA", first, 1), EP_OK);
	assert_int_equal(counts.unchanged, 1);
	assert_int_equal(state_of(fixture).position, 2);
	/* A user of this node puts what a CSV does not change. */
	assert_int_equal(put(fixture, &counts, "local", true, "TRL", first, 1), EP_OK);
	assert_int_equal(put(fixture, &counts, "master", false, "TRL", other, 1), EP_OK);
	assert_int_equal(counts.conflict, 1);
	assert_verifies(fixture);
}

static void
a_local_track_that_the_master_sends_back_stays_where_it_stands(void **state)
{
	struct fixture *fixture = *state;
	struct ep_put_counts counts;
	struct ep_document rows[] = { row_of("-0", "1 2", "A") };
	assert_int_equal(put(fixture, &counts, "local", true, "TRA", rows, 1), EP_OK);
	assert_int_equal(put(fixture, &counts, "master", false, "TRA", rows, 1), EP_OK);
	assert_int_equal(counts.unchanged, 1);
	struct ep_log_read *read;
	struct ep_entry entry;
	assert_int_equal(ep_log_read_begin(&read, fixture->log, NULL), EP_OK);
	assert_int_equal(ep_log_find(&entry, read, ep_text_of("TRA"), NULL), EP_OK);
	assert_int_equal(entry.position, 1);
	assert_int_equal(entry.source, EP_SOURCE_LOCAL);
	assert_int_equal(entry.import_date, 1000);
	assert_int_equal(entry.flags, 0);
	ep_log_read_end(read);
	assert_verifies(fixture);
}

static void
a_whole_track_replaces_documents_and_says_that_some_went(void **state)
{
	struct fixture *fixture = *state;
	struct ep_put_counts counts;
	struct ep_document rows[] = { row_of("-0", "1 2", "A"), row_of("-1", "5 1300", "A") };
	assert_int_equal(put(fixture, &counts, "local", true, "TRA", rows, 2), EP_OK);
	assert_int_equal(put(fixture, &counts, "local", true, "TRA", rows, 1), EP_OK);
	assert_int_equal(counts.unchanged, 1);
	assert_int_equal(state_of(fixture).documents, 1);
	assert_int_equal(state_of(fixture).position, 2);
	struct ep_log_read *read;
	struct ep_entry entry;
	assert_int_equal(ep_log_read_begin(&read, fixture->log, NULL), EP_OK);
	assert_int_equal(ep_log_find(&entry, read, ep_text_of("TRA"), NULL), EP_OK);
	assert_int_equal(entry.flags, EP_ENTRY_SHRUNK);
	ep_log_read_end(read);
	assert_verifies(fixture);
}

static void
a_deleted_track_leaves_a_tombstone_and_the_digest_of_before_it_came(void **state)
{
	struct fixture *fixture = *state;
	struct ep_put_counts counts;
	struct ep_document rows[] = { row_of("-0", "1 2", "A") };
	struct ep_hash empty = digest_of(fixture);
	assert_int_equal(put(fixture, &counts, "local", true, "TRA", rows, 1), EP_OK);
	delete_track(fixture, "TRA");
	struct ep_hash after = digest_of(fixture);
	assert_memory_equal(empty.bytes, after.bytes, EP_HASH_SIZE);
	struct ep_log_state now = state_of(fixture);
	assert_int_equal(now.position, 2);
	assert_int_equal(now.tracks, 0);
	assert_int_equal(now.tombstones, 1);
	assert_int_equal(put(fixture, &counts, "local", true, "TRA", rows, 1), EP_OK);
	assert_int_equal(counts.added, 1);
	now = state_of(fixture);
	assert_int_equal(now.tombstones, 0);
	assert_int_equal(now.position, 3);
	assert_verifies(fixture);
}

static void
a_cursor_goes_through_one_source_or_all(void **state)
{
	struct fixture *fixture = *state;
	struct ep_put_counts counts;
	struct ep_document rows[] = { row_of("-0", "1 2", "A") };
	for (int i = 0; i < 30; i++) {
		char id[8];
		snprintf(id, sizeof id, "TR%d", i);
		assert_int_equal(
			put(fixture, &counts, i % 10 ? "master" : "local", true, id, rows, 1),
			EP_OK);
	}
	delete_track(fixture, "TR10");
	static const struct {
		uint64_t after;
		uint32_t source;
		size_t found;
	} cases[] = { { 0, EP_SOURCE_ANY, 30 },   { 15, EP_SOURCE_ANY, 16 },
		      { 31, EP_SOURCE_ANY, 0 },   { 0, EP_SOURCE_LOCAL, 3 },
		      { 1, EP_SOURCE_LOCAL, 2 },  { 21, EP_SOURCE_LOCAL, 1 },
		      { 0, EP_SOURCE_MASTER, 27 } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ep_log_read *read;
		struct ep_log_cursor *cursor;
		struct ep_entry entry;
		assert_int_equal(ep_log_read_begin(&read, fixture->log, NULL), EP_OK);
		assert_int_equal(
			ep_log_cursor_open(&cursor, read, cases[i].after, cases[i].source, NULL),
			EP_OK);
		size_t found = 0;
		uint64_t last = cases[i].after;
		while (ep_log_cursor_next(&entry, cursor, NULL) == EP_OK) {
			assert_true(entry.position > last);
			last = entry.position;
			found++;
		}
		assert_int_equal(found, cases[i].found);
		ep_log_cursor_close(cursor);
		ep_log_read_end(read);
	}
}

static void
what_is_not_committed_is_not_there(void **state)
{
	struct fixture *fixture = *state;
	struct ep_log_write *write;
	assert_int_equal(ep_log_write_begin(&write, fixture->log, NULL), EP_OK);
	assert_int_equal(ep_log_set_number(write, "x", 5, NULL), EP_OK);
	uint64_t value;
	assert_int_equal(ep_log_number(&value, ep_log_inside(write), "x", NULL), EP_OK);
	assert_int_equal(value, 5);
	ep_log_abort(write);
	struct ep_log_read *read;
	assert_int_equal(ep_log_read_begin(&read, fixture->log, NULL), EP_OK);
	assert_int_equal(ep_log_number(&value, read, "x", NULL), EP_OK);
	assert_int_equal(value, 0);
	ep_log_read_end(read);
}

static void
ids_are_split_at_their_first_dash(void **state)
{
	(void)state;
	static const struct {
		const char *id;
		const char *track;
		const char *suffix;
		uint32_t segment;
	} cases[] = {
		{ "TRA-0", "TRA", "-0", 0 },
		{ "TRA-12", "TRA", "-12", 12 },
		{ "TRA", "TRA", "", EP_NO_SEGMENT },
		{ "TRA-", "TRA", "-", EP_NO_SEGMENT },
		{ "TRA-01", "TRA", "-01", EP_NO_SEGMENT },
		{ "TRA-1-2", "TRA", "-1-2", EP_NO_SEGMENT },
		{ "TRA-1660720", "TRA", "-1660720", 1660720 },
		{ "TRA-9999999", "TRA", "-9999999", EP_NO_SEGMENT },
		{ "-5", "-5", "", EP_NO_SEGMENT },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ep_text track;
		struct ep_text suffix;
		ep_id_split(&track, &suffix, ep_text_of(cases[i].id));
		assert_true(ep_text_equal(track, ep_text_of(cases[i].track)));
		assert_true(ep_text_equal(suffix, ep_text_of(cases[i].suffix)));
		assert_int_equal(ep_suffix_segment(suffix), cases[i].segment);
	}
}

static void
a_digest_is_of_the_set_whatever_the_order(void **state)
{
	(void)state;
	struct ep_digest one = { 0 };
	struct ep_digest other = { 0 };
	struct ep_hash members[3] = { { { 1 } }, { { 2 } }, { { 3 } } };
	for (size_t i = 0; i < 3; i++) {
		ep_digest_add(&one, &members[i]);
		ep_digest_add(&other, &members[2 - i]);
	}
	assert_memory_equal(&one, &other, sizeof one);
	ep_digest_subtract(&one, &members[1]);
	assert_memory_not_equal(&one, &other, sizeof one);
	ep_digest_subtract(&other, &members[1]);
	assert_memory_equal(&one, &other, sizeof one);
	uint8_t bytes[EP_DIGEST_BYTES];
	struct ep_digest again;
	ep_digest_store(bytes, &one);
	ep_digest_load(&again, bytes);
	assert_memory_equal(&one, &again, sizeof one);
}

#define WITH_LOG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOG(fields_of_a_put_join_those_of_the_track),
		WITH_LOG(fields_count_in_the_digest_and_go_with_their_track),
		WITH_LOG(a_csv_says_nothing_of_fields),
		WITH_LOG(positions_have_no_gaps_and_the_same_again_takes_none),
		WITH_LOG(rows_that_arrive_one_by_one_join_their_track_in_any_order),
		WITH_LOG(a_csv_changes_only_what_a_csv_of_its_source_made),
		WITH_LOG(a_local_track_that_the_master_sends_back_stays_where_it_stands),
		WITH_LOG(a_whole_track_replaces_documents_and_says_that_some_went),
		WITH_LOG(a_deleted_track_leaves_a_tombstone_and_the_digest_of_before_it_came),
		WITH_LOG(a_cursor_goes_through_one_source_or_all),
		WITH_LOG(what_is_not_committed_is_not_there),
		cmocka_unit_test(ids_are_split_at_their_first_dash),
		cmocka_unit_test(a_digest_is_of_the_set_whatever_the_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
