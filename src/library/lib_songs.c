#include "library/lib_report.h"

#include "base/time.h"
#include "code/codestring.h"
#include "generator/generator.h"
#include "ingest/batch.h"
#include "node/put_song.h"
#include "node/settle.h"
#include "node/take.h"

#include <stdlib.h>
#include <string.h>

static struct ep_text
text_or_none(const char *text)
{
	return text ? ep_text_of(text) : (struct ep_text){ 0 };
}

static enum ep_status
check_texts(const struct ep_codegen_song *song, struct ep_error *err)
{
	EP_TRY(ep_check_text(song->track_id, "track_id", err));
	EP_TRY(ep_check_text(song->artist, "artist", err));
	EP_TRY(ep_check_text(song->release, "release", err));
	return ep_check_text(song->title, "track", err);
}

static enum ep_status
take_fields(struct ep_codegen_song *put, const struct echoprint_song *song, struct ep_error *err)
{
	struct ep_field fields[EP_FIELDS_MAX];
	_Static_assert(EP_FIELDS_MAX <= EP_CODEGEN_FIELDS_MAX, "all fields of a track fit");
	EP_TRY(ep_take_fields(fields, song->fields, song->field_count, err));
	for (size_t i = 0; i < song->field_count; i++)
		put->fields[i] = (struct ep_codegen_field){ fields[i].key, fields[i].value };
	put->field_count = song->field_count;
	return EP_OK;
}

static enum ep_status
read_song(struct ep_song_to_put *put, const struct echoprint_song *song, struct ep_error *err)
{
	const char *codever = song->codever ? song->codever : EP_GENERATOR_VERSION;
	if (strlen(codever) > EP_CODEGEN_VERSION_MAX)
		return ep_fail(err, EP_BAD_INPUT, "codever is longer than %zu bytes",
		               EP_CODEGEN_VERSION_MAX);
	if (song->length_s > INT32_MAX)
		return ep_fail(err, EP_BAD_INPUT, "length_s is %u, but must be below 2^31",
		               (unsigned)song->length_s);
	put->song = (struct ep_codegen_song){ .track_id = text_or_none(song->track_id),
		                              .artist = text_or_none(song->artist),
		                              .release = text_or_none(song->release),
		                              .title = text_or_none(song->track),
		                              .duration_s = song->length_s };
	memcpy(put->song.version, codever, strlen(codever) + 1);
	EP_TRY(ep_check_text(ep_text_of(codever), "codever", err));
	EP_TRY(check_texts(&put->song, err));
	EP_TRY(take_fields(&put->song, song, err));
	return song->code
	               ? ep_codestring_decode(&put->pairs,
	                                      (struct ep_text){ song->code, song->code_size }, err)
	               : ep_take_pairs(&put->pairs, song->pairs, song->pair_count, err);
}

/* Songs on their way. */
struct songs {
	struct ep_song_to_put *items;
	size_t count;
};

static void
songs_free(struct songs *songs)
{
	for (size_t i = 0; songs->items && i < songs->count; i++)
		ep_pairs_free(&songs->items[i].pairs);
	free(songs->items);
}

static enum ep_status
read_songs(struct songs *songs, const struct echoprint_song *given, size_t number,
           struct ep_error *err)
{
	size_t stride = 0;
	if (!number)
		return EP_OK;
	if (!given)
		return ep_fail(err, EP_USAGE, "songs is NULL, but count is %zu", number);
	memcpy(&stride, given, sizeof stride);
	songs->items = calloc(number, sizeof *songs->items);
	if (!songs->items)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu songs", number);
	songs->count = number;
	for (size_t i = 0; i < number; i++) {
		struct echoprint_song song;
		enum ep_status status = ep_read_sized_struct(&song, sizeof song,
		                                             (const char *)given + i * stride, err);
		if (status == EP_OK)
			status = read_song(&songs->items[i], &song, err);
		if (status != EP_OK)
			ep_error_prefix(err, "song %zu: ", i + 1);
		EP_TRY(status);
	}
	return EP_OK;
}

static enum ep_status
keep_ids(struct ep_library_report *report, const struct songs *songs, struct ep_error *err)
{
	const char **ids = ep_arena_alloc(&report->texts, songs->count * sizeof *ids);
	if (!ids)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < songs->count; i++) {
		EP_TRY(ep_keep_text(&ids[i], &report->texts, ep_text_of(songs->items[i].id), err));
		report->report.without_codes += songs->items[i].id[0] == '\0';
	}
	report->report.track_ids = ids;
	report->report.track_count = songs->count;
	return EP_OK;
}

/* Brings index and copies up to what was put, and fills the report, which is whole but for what
 * failed. */
static enum ep_status
settle(struct ep_library_report *report, const struct echoprint_db *db, const struct songs *songs,
       struct ep_put_counts *counts, bool no_index, struct ep_error *err)
{
	struct ep_copies_report copies = { 0 };
	struct ep_error why;
	uint64_t duplicate = 0;
	enum ep_status status =
		no_index ? EP_OK : ep_node_settle(&copies, ep_place_node(db->place), err);
	if (status != EP_OK)
		ep_error_prefix(err, "the songs are kept, but the index does not have them yet: ");
	ep_node_count_copies(&duplicate, counts, &copies);
	ep_library_report_count(report, counts, duplicate);
	enum ep_status kept = keep_ids(report, songs, &why);
	if (kept == EP_OK)
		kept = ep_log_position(&report->report.position, ep_place_log(db->place), &why);
	return status != EP_OK || kept == EP_OK ? status : ep_fail(err, kept, "%s", why.text);
}

/* Once the songs are put, *out is given, whatever fails behind that. */
static enum ep_status
put_songs(struct echoprint_report **out, const struct echoprint_db *db, struct songs *songs,
          const struct echoprint_ingest_options *options, enum ep_dedup how, struct ep_error *err)
{
	EP_OWNED(ep_library_report_free)
	struct ep_library_report *report = NULL;
	struct ep_put_counts counts = { 0 };
	struct ep_put_songs_options put = { .import_date = options->import_date
		                                                   ? options->import_date
		                                                   : ep_time_now(),
		                            .how = how };
	EP_TRY(ep_library_report_new(&report, err));
	EP_TRY(ep_put_songs(&counts, ep_place_log(db->place), songs->items, songs->count, &put,
	                    err));
	enum ep_status status = settle(report, db, songs, &counts, options->no_index != 0, err);
	*out = &EP_TAKE(report)->report;
	return status;
}

static enum ep_status
ingest_songs(struct echoprint_report **out, struct echoprint_db *db,
             const struct echoprint_song *given, size_t number,
             const struct echoprint_ingest_options *given_options, struct ep_error *err)
{
	struct echoprint_ingest_options options;
	enum ep_dedup how;
	struct songs songs = { 0 };
	EP_TRY(ep_db_check(db, true, err));
	EP_TRY(ep_read_ingest_options(&options, &how, given_options, err));
	enum ep_status status = read_songs(&songs, given, number, err);
	if (status == EP_OK)
		status = put_songs(out, db, &songs, &options, how, err);
	songs_free(&songs);
	return status;
}

enum echoprint_status
echoprint_ingest_songs(struct echoprint_report **out, struct echoprint_db *db,
                       const struct echoprint_song *songs, size_t number,
                       const struct echoprint_ingest_options *options, struct echoprint_error *err)
{
	struct ep_error why;
	struct echoprint_report *made = NULL;
	enum ep_status status = ingest_songs(&made, db, songs, number, options, &why);
	return ep_told_report(out, made, err, status, &why);
}
