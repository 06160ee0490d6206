/* The library as a host sees it: this file includes echoprint.h, and is linked with libechoprint
 * alone. */
#include "tests/library/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char folder[HOST_FOLDER];
static char other_folder[HOST_FOLDER];

static int
make_folders(void **state)
{
	(void)state;
	host_make_folder(folder);
	host_make_folder(other_folder);
	return 0;
}

static int
remove_folders(void **state)
{
	(void)state;
	host_remove_folder(folder);
	host_remove_folder(other_folder);
	return 0;
}

/* ---- opening ---- */

static void
a_folder_that_is_not_there_is_told(void **state)
{
	(void)state;
	struct echoprint_db *db = NULL;
	struct echoprint_error err;
	assert_int_equal(echoprint_open(&db, "/nonexistent", NULL, &err), ECHOPRINT_NOT_FOUND);
	assert_int_equal(err.status, ECHOPRINT_NOT_FOUND);
	assert_non_null(strstr(err.text, "/nonexistent"));
	assert_null(db);
	assert_int_equal(echoprint_open(&db, "/nonexistent", NULL, NULL), ECHOPRINT_NOT_FOUND);
	echoprint_close(NULL);
}

static void
one_folder_is_opened_twice_in_a_process(void **state)
{
	(void)state;
	struct echoprint_db *writer = host_open(folder, ECHOPRINT_CREATE);
	struct echoprint_db *reader = host_open(folder, ECHOPRINT_READ);
	struct echoprint_error err;
	host_ingest(writer, "TRONE", 1, 60);
	assert_true(host_finds(reader, "TRONE", 1));
	const char *ids[] = { "TRONE" };
	assert_int_equal(echoprint_delete(NULL, reader, ids, 1, &err), ECHOPRINT_USAGE);
	assert_non_null(strstr(err.text, "read only"));
	echoprint_close(writer);
	assert_true(host_finds(reader, "TRONE", 1));
	struct echoprint_db *again = host_open(folder, ECHOPRINT_WRITE);
	host_ingest(again, "TRTWO", 2, 60);
	assert_true(host_finds(reader, "TRTWO", 2));
	echoprint_close(again);
	echoprint_close(reader);
}

static void
what_is_open_to_read_is_not_opened_to_write(void **state)
{
	(void)state;
	echoprint_close(host_open(folder, ECHOPRINT_CREATE));
	struct echoprint_db *reader = host_open(folder, ECHOPRINT_READ);
	struct echoprint_db *writer = NULL;
	struct echoprint_error err;
	struct echoprint_open_options options = { .size = sizeof options, .mode = ECHOPRINT_WRITE };
	assert_int_equal(echoprint_open(&writer, folder, &options, &err), ECHOPRINT_USAGE);
	assert_non_null(strstr(err.text, "read only"));
	assert_null(writer);
	echoprint_close(reader);
	echoprint_close(host_open(folder, ECHOPRINT_WRITE));
}

static void
structs_of_other_sizes_are_understood(void **state)
{
	(void)state;
	struct {
		struct echoprint_open_options options;
		uint64_t later;
	} large = { .options = { .size = sizeof large, .mode = ECHOPRINT_CREATE } };
	struct echoprint_db *db = NULL;
	struct echoprint_error err;
	large.options.map_size = HOST_MAP;
	HOST_NEEDS(echoprint_open(&db, folder, &large.options, &host_error));
	echoprint_close(db);
	large.later = 1;
	assert_int_equal(echoprint_open(&db, folder, &large.options, &err), ECHOPRINT_USAGE);
	large.options.size = 3;
	assert_int_equal(echoprint_open(&db, folder, &large.options, &err), ECHOPRINT_USAGE);
	/* An early host knows no map_size. ThreadSanitizer leaves no room for the usual one. */
	struct echoprint_open_options early = { .size = offsetof(struct echoprint_open_options,
		                                                 map_size),
		                                .mode = ECHOPRINT_WRITE,
		                                .map_size = 1 };
#ifdef __SANITIZE_THREAD__
	early.size = sizeof early;
	early.map_size = HOST_MAP;
#endif
	HOST_NEEDS(echoprint_open(&db, folder, &early, &host_error));
	struct echoprint_state state_of = { .size = offsetof(struct echoprint_state, tombstones) };
	state_of.conflicts = 77;
	HOST_NEEDS(echoprint_read_state(&state_of, db, &host_error));
	assert_int_equal(state_of.conflicts, 77);
	echoprint_close(db);
}

/* ---- codes ---- */

static void
code_strings_are_read_and_written(void **state)
{
	(void)state;
	const char plain[] = "713824 93 104 93 713824 94";
	struct echoprint_codes *codes;
	struct echoprint_codes *again;
	struct echoprint_error err;
	char *text;
	HOST_NEEDS(echoprint_decode(&codes, plain, strlen(plain), &host_error));
	assert_int_equal(codes->count, 3);
	assert_int_equal(codes->pairs[1].code, 104);
	assert_int_equal(codes->pairs[2].time, 94);
	HOST_NEEDS(
		echoprint_encode(&text, codes->pairs, codes->count, ECHOPRINT_PLAIN, &host_error));
	assert_string_equal(text, plain);
	echoprint_text_free(text);
	HOST_NEEDS(
		echoprint_encode(&text, codes->pairs, codes->count, ECHOPRINT_PACKED, &host_error));
	HOST_NEEDS(echoprint_decode(&again, text, strlen(text), &host_error));
	assert_int_equal(again->count, 3);
	assert_memory_equal(again->pairs, codes->pairs, 3 * sizeof *codes->pairs);
	echoprint_text_free(text);
	echoprint_codes_free(codes);
	echoprint_codes_free(again);
	assert_int_equal(echoprint_decode(&codes, "eJx!", 4, &err), ECHOPRINT_BAD_INPUT);
}

/* ---- songs ---- */

static void
on_left(void *context, const char *id, int status, const char *why)
{
	char *told = context;
	size_t size = strlen(told);
	assert_non_null(strstr(why, id));
	snprintf(told + size, 200 - size, "%s %d, ", id, status);
}

static void
songs_are_ingested_found_and_deleted(void **state)
{
	(void)state;
	struct echoprint_db *db = host_open(folder, ECHOPRINT_CREATE);
	host_ingest(db, "TRONE", 1, 70);
	host_ingest(db, "TRTWO", 2, 70);
	assert_true(host_finds(db, "TRONE", 1));
	assert_true(host_finds(db, "TRTWO", 2));
	assert_false(host_finds(db, "TRONE", 3));
	struct echoprint_track *track;
	HOST_NEEDS(echoprint_find_track(&track, db, "TRONE-1", &host_error));
	assert_string_equal(track->track_id, "TRONE");
	assert_string_equal(track->artist, "Artist");
	assert_string_equal(track->release, "");
	assert_string_equal(track->source, "local");
	assert_string_equal(track->codever, "4.12");
	assert_int_equal(track->length_s, 70);
	assert_int_equal(track->document_count, 3);
	assert_int_equal(track->documents_size, 3);
	assert_int_equal(track->document_size, sizeof *track->documents);
	assert_string_equal(track->documents[2].document_id, "TRONE-2");
	assert_int_equal(track->confirmed, 0); /* this node follows nobody */
	echoprint_track_free(track);
	const char *ids[] = { "TRNONE", "TRONE", "TRTWO-0" };
	uint64_t deleted = 77;
	struct echoprint_error err;
	assert_int_equal(echoprint_delete(&deleted, db, ids, 3, &err), ECHOPRINT_NOT_FOUND);
	assert_non_null(strstr(err.text, "TRNONE"));
	assert_int_equal(deleted, 1);
	char told[200] = "";
	struct echoprint_deletion deletion = { .size = sizeof deletion,
		                               .on_left = on_left,
		                               .context = told };
	HOST_NEEDS(echoprint_delete_tracks(&deletion, db, ids, 3, &host_error));
	assert_string_equal(told, "TRNONE 4, TRONE 4, TRTWO-0 4, ");
	assert_int_equal(deletion.deleted, 0);
	assert_int_equal(deletion.position, 3);
	assert_int_equal(echoprint_delete_tracks(NULL, db, ids, 3, &err), ECHOPRINT_USAGE);
	assert_int_equal(echoprint_delete_tracks(&deletion, db, NULL, 1, &err), ECHOPRINT_USAGE);
	assert_false(host_finds(db, "TRONE", 1));
	assert_true(host_finds(db, "TRTWO", 2));
	assert_int_equal(echoprint_find_track(&track, db, "TRONE", &err), ECHOPRINT_NOT_FOUND);
	echoprint_close(db);
}

static void
a_track_is_given_in_json_and_one_of_its_documents_too(void **state)
{
	(void)state;
	struct echoprint_db *db = host_open(folder, ECHOPRINT_CREATE);
	struct echoprint_error err;
	char *json = NULL;
	host_ingest(db, "TRONE", 1, 70);
	HOST_NEEDS(echoprint_track_json(&json, db, "TRONE", &host_error));
	assert_non_null(strstr(json, "\"track_id\":\"TRONE\",\"copy_of\":null"));
	assert_non_null(strstr(json, "\"TRONE-0\""));
	assert_non_null(strstr(json, "\"TRONE-1\""));
	echoprint_text_free(json);
	HOST_NEEDS(echoprint_track_json(&json, db, "TRONE-1", &host_error));
	assert_null(strstr(json, "\"TRONE-0\""));
	assert_non_null(strstr(json, "\"TRONE-1\""));
	echoprint_text_free(json);
	json = NULL;
	assert_int_equal(echoprint_track_json(&json, db, "TRNONE", &err), ECHOPRINT_NOT_FOUND);
	assert_int_equal(echoprint_track_json(&json, db, "TRONE-9", &err), ECHOPRINT_NOT_FOUND);
	assert_int_equal(echoprint_track_json(&json, db, NULL, &err), ECHOPRINT_USAGE);
	assert_null(json);
	echoprint_close(db);
}

static void
songs_come_in_one_transaction_or_not_at_all(void **state)
{
	(void)state;
	struct echoprint_db *db = host_open(folder, ECHOPRINT_CREATE);
	struct echoprint_report *report = NULL;
	struct echoprint_error err;
	struct echoprint_song songs[] = {
		{ .size = sizeof *songs, .track_id = "TRA", .code = "1 2 3 4", .code_size = 7 },
		{ .size = sizeof *songs, .code = "1 2 3 5", .code_size = 7, .track = "no id" },
		{ .size = sizeof *songs, .track_id = "TRC" },
	};
	HOST_NEEDS(echoprint_ingest_songs(&report, db, songs, 3, NULL, &host_error));
	assert_int_equal(report->added, 2);
	assert_int_equal(report->without_codes, 1);
	assert_int_equal(report->position, 2);
	assert_int_equal(report->track_count, 3);
	assert_string_equal(report->track_ids[0], "TRA");
	assert_memory_equal(report->track_ids[1], "TR", 2);
	assert_string_equal(report->track_ids[2], "");
	echoprint_report_free(report);
	HOST_NEEDS(echoprint_ingest_songs(&report, db, songs, 1, NULL, &host_error));
	assert_int_equal(report->unchanged, 1);
	echoprint_report_free(report);
	songs[0].track_id = "TRD";
	songs[1].artist = "\xff";
	report = NULL;
	assert_int_equal(echoprint_ingest_songs(&report, db, songs, 3, NULL, &err),
	                 ECHOPRINT_BAD_INPUT);
	assert_non_null(strstr(err.text, "song 2: "));
	assert_null(report);
	struct echoprint_state now = { .size = sizeof now };
	HOST_NEEDS(echoprint_read_state(&now, db, &host_error));
	assert_int_equal(now.tracks, 2);
	echoprint_close(db);
}

static void
tracks_are_listed(void **state)
{
	(void)state;
	struct echoprint_db *db = host_open(folder, ECHOPRINT_CREATE);
	struct echoprint_tracks *tracks;
	struct echoprint_track *track;
	struct echoprint_error err;
	host_ingest(db, "TRONE", 1, 20);
	host_ingest(db, "TRTWO", 2, 20);
	const char *expected[] = { "TRONE", "TRTWO" };
	for (int documents = 0; documents < 2; documents++) {
		struct echoprint_tracks_options options = { .size = sizeof options,
			                                    .documents = documents };
		HOST_NEEDS(echoprint_tracks_open(&tracks, db, &options, &host_error));
		for (int i = 0; i < 2; i++) {
			HOST_NEEDS(echoprint_tracks_next(&track, tracks, &host_error));
			assert_string_equal(track->track_id, expected[i]);
			assert_int_equal(track->documents_size, documents);
			echoprint_track_free(track);
		}
		assert_int_equal(echoprint_tracks_next(&track, tracks, &err), ECHOPRINT_NOT_FOUND);
		echoprint_tracks_close(tracks);
	}
	struct echoprint_tracks_options words = { .size = sizeof words, .words = "trtwo artist" };
	HOST_NEEDS(echoprint_tracks_open(&tracks, db, &words, &host_error));
	HOST_NEEDS(echoprint_tracks_next(&track, tracks, &host_error));
	assert_string_equal(track->track_id, "TRTWO");
	echoprint_track_free(track);
	assert_int_equal(echoprint_tracks_next(&track, tracks, &err), ECHOPRINT_NOT_FOUND);
	echoprint_tracks_close(tracks);
	words.words = "\xff";
	assert_int_equal(echoprint_tracks_open(&tracks, db, &words, &err), ECHOPRINT_BAD_INPUT);
	struct echoprint_tracks_options none = { .size = sizeof none, .source = "nobody" };
	HOST_NEEDS(echoprint_tracks_open(&tracks, db, &none, &host_error));
	assert_int_equal(echoprint_tracks_next(&track, tracks, &err), ECHOPRINT_NOT_FOUND);
	echoprint_tracks_close(tracks);
	echoprint_close(db);
}

static void
a_song_in_a_stream_is_told_when_it_begins_and_when_it_is_over(void **state)
{
	(void)state;
	struct echoprint_db *db = host_open(folder, ECHOPRINT_CREATE);
	struct echoprint_listener *listener;
	size_t count;
	int16_t *samples = host_make_sound(1, 60, &count);
	host_ingest(db, "TRONE", 1, 60);
	HOST_NEEDS(echoprint_listen(&listener, db, &host_error));
	assert_null(echoprint_listen_next(listener));
	for (size_t at = 0; at < count; at += 5000) {
		size_t part = count - at < 5000 ? count - at : 5000;
		HOST_NEEDS(echoprint_listen_feed(listener, samples + at, part, &host_error));
	}
	HOST_NEEDS(echoprint_listen_end(listener, &host_error));
	const struct echoprint_play *play = echoprint_listen_next(listener);
	assert_non_null(play);
	assert_int_equal(play->over, 0);
	assert_string_equal(play->track_id, "TRONE");
	assert_string_equal(play->artist, "Artist");
	assert_true(fabs(play->start_s) < 0.2);
	play = echoprint_listen_next(listener);
	assert_non_null(play);
	assert_int_equal(play->over, 1);
	assert_string_equal(play->track_id, "TRONE");
	assert_string_equal(play->artist, "Artist");
	assert_true(play->end_s > 50 && play->end_s < 61);
	assert_null(echoprint_listen_next(listener));
	echoprint_listen_close(listener);
	echoprint_close(db);
	free(samples);
}

static void
the_rule_of_2011_and_its_candidates_are_there(void **state)
{
	(void)state;
	struct echoprint_db *db = host_open(folder, ECHOPRINT_CREATE);
	struct echoprint_answer *answer;
	struct echoprint_candidates *candidates;
	struct echoprint_codes *codes;
	struct echoprint_query_options options = { .size = sizeof options,
		                                   .rule = ECHOPRINT_RULE_ORIGINAL };
	size_t count;
	int16_t *samples = host_make_sound(1, 30, &count);
	host_ingest(db, "TRONE", 1, 60);
	host_ingest(db, "TRTWO", 2, 60);
	HOST_NEEDS(echoprint_query_samples(&answer, db, samples, count, &options, &host_error));
	assert_int_equal(answer->match, 1);
	assert_int_equal(answer->type, 6);
	assert_string_equal(answer->message, "OK (match type 6)");
	assert_string_equal(answer->track_id, "TRONE");
	echoprint_answer_free(answer);
	HOST_NEEDS(echoprint_codegen_samples(&codes, samples, count, 0, &host_error));
	HOST_NEEDS(echoprint_find_candidates(&candidates, db, codes->pairs, codes->count, 1,
	                                     &host_error));
	assert_int_equal(candidates->count, 1);
	assert_string_equal(candidates->items[0].document_id, "TRONE-0");
	assert_int_equal(candidates->items[0].length_s, 60);
	assert_true(candidates->items[0].score > 100);
	echoprint_candidates_free(candidates);
	options.elbow = 100000;
	HOST_NEEDS(echoprint_query_pairs(&answer, db, codes->pairs, codes->count, &options,
	                                 &host_error));
	assert_string_equal(answer->message, "query code length is too small");
	assert_string_equal(answer->track_id, "");
	echoprint_answer_free(answer);
	echoprint_codes_free(codes);
	echoprint_close(db);
	free(samples);
}

static void
fields_are_kept_and_edited(void **state)
{
	(void)state;
	struct echoprint_db *db = host_open(folder, ECHOPRINT_CREATE);
	struct echoprint_codes *codes;
	struct echoprint_track *track;
	struct echoprint_answer *answer;
	struct echoprint_error err;
	size_t count;
	int changed = 7;
	int16_t *samples = host_make_sound(1, 30, &count);
	const struct echoprint_field fields[] = { { "mood", "calm" }, { "isrc", "USRC17607839" } };
	HOST_NEEDS(echoprint_codegen_samples(&codes, samples, count, 0, &host_error));
	struct echoprint_song song = { .size = sizeof song,
		                       .track_id = "TRONE",
		                       .pairs = codes->pairs,
		                       .pair_count = codes->count,
		                       .fields = fields,
		                       .field_count = 2 };
	HOST_NEEDS(echoprint_ingest_songs(NULL, db, &song, 1, NULL, &host_error));
	HOST_NEEDS(echoprint_query_samples(&answer, db, samples, count, NULL, &host_error));
	assert_int_equal(answer->field_count, 2);
	assert_string_equal(answer->fields[0].key, "isrc");
	assert_string_equal(answer->fields[1].value, "calm");
	echoprint_answer_free(answer);

	const struct echoprint_field others[] = { { "mood", "" }, { "genre", "jazz" } };
	struct echoprint_edit edit = {
		.size = sizeof edit, .artist = "New", .fields = others, .field_count = 2
	};
	HOST_NEEDS(echoprint_edit(&changed, db, "TRONE", &edit, &host_error));
	assert_int_equal(changed, 1);
	HOST_NEEDS(echoprint_edit(&changed, db, "TRONE", &edit, &host_error));
	assert_int_equal(changed, 0);
	HOST_NEEDS(echoprint_find_track(&track, db, "TRONE", &host_error));
	assert_string_equal(track->artist, "New");
	assert_int_equal(track->field_count, 2);
	assert_string_equal(track->fields[0].value, "jazz");
	assert_string_equal(track->fields[1].value, "USRC17607839");
	echoprint_track_free(track);

	const struct echoprint_field bad = { "No Key", "value" };
	edit.fields = &bad;
	edit.field_count = 1;
	assert_int_equal(echoprint_edit(NULL, db, "TRONE", &edit, &err), ECHOPRINT_BAD_INPUT);
	edit.field_count = 65;
	assert_int_equal(echoprint_edit(NULL, db, "TRONE", &edit, &err), ECHOPRINT_BAD_INPUT);
	edit.field_count = 0;
	assert_int_equal(echoprint_edit(NULL, db, "TRNONE", &edit, &err), ECHOPRINT_NOT_FOUND);
	echoprint_codes_free(codes);
	echoprint_close(db);
	free(samples);
}

/* ---- exchange ---- */

static void
read_file(char **bytes, size_t *size, const char *in, const char *name)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", in, name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	*bytes = malloc(1 << 20);
	assert_non_null(*bytes);
	*size = fread(*bytes, 1, 1 << 20, file);
	fclose(file);
}

static void
on_reject(void *context, const char *file, const char *what, uint64_t number, const char *reason)
{
	char *told = context;
	snprintf(told, 200, "%s %s %d %.100s", file, what, (int)number, reason);
}

static void
a_dump_is_taken_in_by_another_node(void **state)
{
	(void)state;
	char path[600];
	char *bytes;
	size_t size;
	struct echoprint_db *db = host_open(folder, ECHOPRINT_CREATE);
	struct echoprint_db *other = host_open(other_folder, ECHOPRINT_CREATE);
	struct echoprint_dump *dump;
	struct echoprint_report *report;
	host_ingest(db, "TRONE", 1, 40);
	struct echoprint_dump_options wanted = { .size = sizeof wanted, .folder = other_folder };
	HOST_NEEDS(echoprint_dump(&dump, db, &wanted, &host_error));
	assert_int_equal(dump->documents, 2);
	assert_int_equal(dump->file_count, 1);
	assert_int_equal(dump->file_size, sizeof *dump->files);
	read_file(&bytes, &size, other_folder, dump->files[0].name);
	snprintf(path, sizeof path, "%s/%s", other_folder, dump->files[0].name);
	echoprint_dump_free(dump);

	char told[200] = "";
	struct echoprint_ingest_options options = {
		.size = sizeof options, .source = "master", .on_reject = on_reject, .context = told
	};
	HOST_NEEDS(echoprint_ingest_bytes(&report, other, bytes, size, &options, &host_error));
	assert_int_equal(report->added, 2);
	echoprint_report_free(report);
	const char *paths[] = { path };
	HOST_NEEDS(echoprint_ingest_files(&report, other, paths, 1, &options, &host_error));
	assert_int_equal(report->unchanged, 2);
	echoprint_report_free(report);
	assert_string_equal(told, "");
	HOST_NEEDS(echoprint_ingest_bytes(&report, other, "a,b\r\n", 5, &options, &host_error));
	assert_int_equal(report->rejected, 1);
	assert_memory_equal(told, "bytes row 1 ", 12);
	echoprint_report_free(report);

	struct echoprint_state one = { .size = sizeof one };
	struct echoprint_state two = { .size = sizeof two };
	HOST_NEEDS(echoprint_read_state(&one, db, &host_error));
	HOST_NEEDS(echoprint_read_state(&two, other, &host_error));
	assert_string_equal(one.digest, two.digest);
	char *json;
	HOST_NEEDS(echoprint_status_json(&json, db, &host_error));
	assert_non_null(strstr(json, one.digest));
	echoprint_text_free(json);
	free(bytes);
	echoprint_close(other);
	echoprint_close(db);
}

static void
a_missing_file_is_told_and_the_report_is_there(void **state)
{
	(void)state;
	struct echoprint_db *db = host_open(folder, ECHOPRINT_CREATE);
	struct echoprint_report *report = NULL;
	struct echoprint_error err;
	const char *paths[] = { "/nonexistent.json" };
	assert_int_equal(echoprint_ingest_files(&report, db, paths, 1, NULL, &err),
	                 ECHOPRINT_NOT_FOUND);
	assert_non_null(report);
	assert_int_equal(report->added, 0);
	echoprint_report_free(report);
	assert_int_equal(echoprint_sync(NULL, db, 0, &err), ECHOPRINT_NOT_FOUND);
	assert_int_equal(echoprint_join(db, "nothing", &err), ECHOPRINT_BAD_INPUT);
	echoprint_close(db);
}

static void
what_takes_long_is_interrupted_until_it_is_resumed(void **state)
{
	(void)state;
	struct echoprint_db *db = host_open(folder, ECHOPRINT_CREATE);
	struct echoprint_query_options options = { .size = sizeof options,
		                                   .rule = ECHOPRINT_RULE_ORIGINAL };
	struct echoprint_answer *answer;
	struct echoprint_error err;
	const char code[] = "1 1 2 2 3 3 4 4 5 5 6 6 7 7 8 8 9 9 10 10 11 11";
	host_ingest(db, "TRONE", 1, 40);
	echoprint_interrupt(db);
	assert_int_equal(echoprint_query_code(&answer, db, code, strlen(code), &options, &err),
	                 ECHOPRINT_INTERRUPTED);
	echoprint_resume(db);
	HOST_NEEDS(echoprint_query_code(&answer, db, code, strlen(code), &options, &host_error));
	echoprint_answer_free(answer);
	echoprint_close(db);
}

/* Ends with a failure all that comes behind a commit. */
static struct echoprint_db *
open_interrupted(void)
{
	struct echoprint_db *db = host_open(folder, ECHOPRINT_CREATE);
	host_ingest(db, "TRONE", 1, 40);
	echoprint_interrupt(db);
	return db;
}

static void
songs_that_were_kept_are_reported_though_the_index_failed(void **state)
{
	(void)state;
	struct echoprint_db *db = open_interrupted();
	const char code[] = "1 1 2 2 3 3";
	struct echoprint_song songs[] = {
		{ .size = sizeof *songs, .code = code, .code_size = strlen(code) },
		{ .size = sizeof *songs, .code = "", .code_size = 0 },
	};
	struct echoprint_report *report = NULL;
	struct echoprint_track *track = NULL;
	struct echoprint_error err;
	assert_int_equal(echoprint_ingest_songs(&report, db, songs, 2, NULL, &err),
	                 ECHOPRINT_INTERRUPTED);
	assert_non_null(strstr(err.text, "the songs are kept"));
	assert_non_null(report);
	assert_int_equal(report->added, 1);
	assert_int_equal(report->without_codes, 1);
	assert_int_equal(report->track_count, 2);
	assert_true(report->position > 0);
	HOST_NEEDS(echoprint_find_track(&track, db, report->track_ids[0], &host_error));
	echoprint_track_free(track);
	echoprint_report_free(report);
	songs[0].code = "no codes";
	songs[0].code_size = strlen(songs[0].code);
	report = NULL;
	assert_int_equal(echoprint_ingest_songs(&report, db, songs, 2, NULL, &err),
	                 ECHOPRINT_BAD_INPUT);
	assert_null(report);
	echoprint_resume(db);
	HOST_NEEDS(echoprint_settle(db, &host_error));
	echoprint_close(db);
}

static void
an_edit_that_was_kept_is_told_though_the_index_failed(void **state)
{
	(void)state;
	struct echoprint_db *db = open_interrupted();
	struct echoprint_edit edit = { .size = sizeof edit, .artist = "New" };
	struct echoprint_track *track;
	struct echoprint_error err;
	int changed = 7;
	assert_int_equal(echoprint_edit(&changed, db, "TRNONE", &edit, &err), ECHOPRINT_NOT_FOUND);
	assert_int_equal(changed, 7);
	assert_int_equal(echoprint_edit(&changed, db, "TRONE", &edit, &err), ECHOPRINT_INTERRUPTED);
	assert_int_equal(changed, 1);
	assert_non_null(strstr(err.text, "the change is kept"));
	HOST_NEEDS(echoprint_find_track(&track, db, "TRONE", &host_error));
	assert_string_equal(track->artist, "New");
	echoprint_track_free(track);
	echoprint_close(db);
}

int
main(void)
{
#define IN_FOLDERS(name) cmocka_unit_test_setup_teardown(name, make_folders, remove_folders)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_folder_that_is_not_there_is_told),
		IN_FOLDERS(one_folder_is_opened_twice_in_a_process),
		IN_FOLDERS(what_is_open_to_read_is_not_opened_to_write),
		IN_FOLDERS(structs_of_other_sizes_are_understood),
		cmocka_unit_test(code_strings_are_read_and_written),
		IN_FOLDERS(songs_are_ingested_found_and_deleted),
		IN_FOLDERS(a_track_is_given_in_json_and_one_of_its_documents_too),
		IN_FOLDERS(songs_come_in_one_transaction_or_not_at_all),
		IN_FOLDERS(tracks_are_listed),
		IN_FOLDERS(a_song_in_a_stream_is_told_when_it_begins_and_when_it_is_over),
		IN_FOLDERS(the_rule_of_2011_and_its_candidates_are_there),
		IN_FOLDERS(fields_are_kept_and_edited),
		IN_FOLDERS(a_dump_is_taken_in_by_another_node),
		IN_FOLDERS(a_missing_file_is_told_and_the_report_is_there),
		IN_FOLDERS(what_takes_long_is_interrupted_until_it_is_resumed),
		IN_FOLDERS(songs_that_were_kept_are_reported_though_the_index_failed),
		IN_FOLDERS(an_edit_that_was_kept_is_told_though_the_index_failed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
