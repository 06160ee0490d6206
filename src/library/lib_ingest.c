#include "library/library_internal.h"

#include "base/time.h"
#include "code/codestring.h"
#include "generator/generator.h"
#include "node/by_hand.h"
#include "node/put_song.h"
#include "node/settle.h"
#include "node/take.h"

#include <stdlib.h>
#include <string.h>

_Static_assert((int)ECHOPRINT_ID_FROM_PATH == EP_ID_FROM_PATH &&
                       (int)ECHOPRINT_ID_FROM_HASH == EP_ID_FROM_HASH,
               "where ids are from");

/* What the caller gets; the first member is all that it sees. */
struct report {
	struct echoprint_report report;
	struct ep_arena texts;
};

static void
free_report(struct report *report)
{
	if (report)
		ep_arena_free(&report->texts);
	free(report);
}
EP_DEFINE_OWNED(struct report, free_report)

void
echoprint_report_free(struct echoprint_report *report)
{
	free_report((struct report *)report);
}

static enum ep_status
new_report(struct report **out, struct ep_error *err)
{
	*out = calloc(1, sizeof **out);
	if (!*out)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	(*out)->report.size = sizeof(*out)->report;
	return EP_OK;
}

static void
count(struct echoprint_report *report, const struct ep_put_counts *counts, uint64_t duplicate)
{
	report->added = counts->added;
	report->updated = counts->updated;
	report->unchanged = counts->unchanged;
	report->conflict = counts->conflict;
	report->duplicate = duplicate;
}

static enum ep_status
read_options(struct echoprint_ingest_options *options, enum ep_dedup *how,
             const struct echoprint_ingest_options *given, struct ep_error *err)
{
	static const enum ep_dedup hows[] = { EP_DEDUP_BY_ROLE, EP_DEDUP_OFF, EP_DEDUP_EXACT,
		                              EP_DEDUP_MATCH };
	EP_TRY(ep_read_sized_struct(options, sizeof *options, given, err));
	if (options->dedup < 0 || options->dedup > ECHOPRINT_DEDUP_MATCH)
		return ep_fail(err, EP_USAGE, "dedup is %d, but must be 0 to 3", options->dedup);
	if (options->id_from < 0 || options->id_from > ECHOPRINT_ID_FROM_HASH)
		return ep_fail(err, EP_USAGE, "id_from is %d, but must be 0 to 2",
		               options->id_from);
	*how = hows[options->dedup];
	return EP_OK;
}

/* ---- songs ---- */

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
keep_ids(struct report *report, const struct songs *songs, struct ep_error *err)
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

static enum ep_status
put_songs(struct echoprint_report **out, const struct echoprint_db *db, struct songs *songs,
          const struct echoprint_ingest_options *options, enum ep_dedup how, struct ep_error *err)
{
	EP_OWNED(free_report)
	struct report *report = NULL;
	struct ep_put_counts counts = { 0 };
	struct ep_copies_report copies = { 0 };
	uint64_t duplicate = 0;
	struct ep_put_songs_options put = { .import_date = options->import_date
		                                                   ? options->import_date
		                                                   : ep_time_now(),
		                            .how = how };
	EP_TRY(new_report(&report, err));
	EP_TRY(ep_put_songs(&counts, ep_place_log(db->place), songs->items, songs->count, &put,
	                    err));
	if (!options->no_index)
		EP_TRY(ep_node_settle(&copies, ep_place_node(db->place), err));
	ep_node_count_copies(&duplicate, &counts, &copies);
	count(&report->report, &counts, duplicate);
	EP_TRY(keep_ids(report, songs, err));
	EP_TRY(ep_log_position(&report->report.position, ep_place_log(db->place), err));
	*out = &EP_TAKE(report)->report;
	return EP_OK;
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
	EP_TRY(read_options(&options, &how, given_options, err));
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
	struct echoprint_report *unwanted = NULL;
	enum ep_status status = ingest_songs(&unwanted, db, songs, number, options, &why);
	if (status == EP_OK && out)
		*out = unwanted;
	else
		echoprint_report_free(unwanted);
	return ep_told(err, status, &why);
}

/* ---- files ---- */

static enum ep_status
on_reject(void *context, const struct ep_reject *reject, struct ep_error *err)
{
	const struct echoprint_ingest_options *options = context;
	(void)err;
	options->on_reject(options->context, reject->file, reject->what ? reject->what : "",
	                   reject->what ? reject->number : 0, reject->reason);
	return EP_OK;
}

/* The first failure comes back as the result; what it leaves out is in the report. */
static void
on_failed(void *context, enum ep_status status, const char *text)
{
	const struct echoprint_ingest_options *options = context;
	if (options->on_reject && status != EP_INTERRUPTED)
		options->on_reject(options->context, "", "", 0, text);
}

static enum ep_status
make_wanted(struct ep_ingest_options *wanted, struct echoprint_ingest_options *options,
            const struct echoprint_db *db, struct ep_error *err)
{
	const char *source = options->source;
	if (source && !ep_source_name_ok(ep_text_of(source)))
		return ep_fail(err, EP_USAGE,
		               "source must have 1 to %d of A-Z a-z 0-9 . _ -, and is \"%.100s\"",
		               EP_SOURCE_NAME_MAX, source);
	*wanted = (struct ep_ingest_options){
		.kind = source ? EP_INGEST_DUMP : EP_INGEST_CODEGEN,
		.source = ep_text_of(source ? source : "local"),
		.import_date = options->import_date ? options->import_date : ep_time_now(),
		.date_given = options->import_date != 0,
		.id_from = (enum ep_id_from)options->id_from,
		.strict = options->strict != 0,
		.dry_run = options->dry_run != 0,
		.stop = ep_place_stop(db->place),
		.on_reject = options->on_reject ? on_reject : NULL,
		.context = options,
	};
	return EP_OK;
}

/* Of the first two, one is given. */
static enum ep_status
ingest(struct echoprint_report **out, const struct ep_input_from *input, const char *const *paths,
       size_t number, struct echoprint_db *db, const struct echoprint_ingest_options *given,
       struct ep_error *err)
{
	EP_OWNED(free_report)
	struct report *made = NULL;
	EP_FREE const char **list = calloc(number + 1, sizeof *list);
	struct echoprint_ingest_options options;
	struct ep_ingest_options wanted;
	struct ep_ingest_report report = { 0 };
	struct ep_take_options take = { .ingest = &wanted,
		                        .paths = list,
		                        .count = number,
		                        .input = input,
		                        .on_failed = on_failed,
		                        .context = &options };
	if (!list)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_db_check(db, true, err));
	EP_TRY(read_options(&options, &take.how, given, err));
	EP_TRY(make_wanted(&wanted, &options, db, err));
	EP_TRY(new_report(&made, err));
	if (number)
		memcpy(list, paths, number * sizeof *list);
	take.no_index = options.no_index != 0;
	enum ep_status status =
		ep_node_take(&report, &made->report.position, ep_place_node(db->place), &take, err);
	count(&made->report, &report.counts, report.duplicate);
	made->report.rejected = report.rejected + report.unknown;
	made->report.without_codes = report.without_codes;
	made->report.deleted = report.deleted;
	*out = &EP_TAKE(made)->report;
	return status;
}

/* Tells a result of which the report is there in spite of a failure. */
static enum echoprint_status
tell(struct echoprint_report **out, struct echoprint_report *made, struct echoprint_error *err,
     enum ep_status status, const struct ep_error *why)
{
	if (out)
		*out = made;
	else
		echoprint_report_free(made);
	return ep_told(err, status, why);
}

enum echoprint_status
echoprint_ingest_files(struct echoprint_report **out, struct echoprint_db *db,
                       const char *const *paths, size_t number,
                       const struct echoprint_ingest_options *options, struct echoprint_error *err)
{
	struct ep_error why;
	struct echoprint_report *made = NULL;
	enum ep_status status =
		number && !paths
			? ep_fail(&why, EP_USAGE, "paths is NULL, but count is %zu", number)
			: ingest(&made, NULL, paths, number, db, options, &why);
	return tell(out, made, err, status, &why);
}

enum echoprint_status
echoprint_ingest_bytes(struct echoprint_report **out, struct echoprint_db *db, const void *bytes,
                       size_t size, const struct echoprint_ingest_options *options,
                       struct echoprint_error *err)
{
	struct ep_error why;
	struct echoprint_report *made = NULL;
	struct ep_input_from from = { .kind = EP_INPUT_BYTES,
		                      .name = "bytes",
		                      .bytes = { bytes, size } };
	enum ep_status status =
		size && !bytes ? ep_fail(&why, EP_USAGE, "bytes is NULL, but size is %zu", size)
			       : ingest(&made, &from, NULL, 0, db, options, &why);
	return tell(out, made, err, status, &why);
}

enum echoprint_status
echoprint_settle(struct echoprint_db *db, struct echoprint_error *err)
{
	struct ep_error why;
	struct ep_copies_report copies;
	enum ep_status status = ep_db_check(db, true, &why);
	if (status == EP_OK)
		status = ep_node_settle(&copies, ep_place_node(db->place), &why);
	return ep_told(err, status, &why);
}

/* ---- deleting ---- */

static enum ep_status
delete_tracks(uint64_t *deleted, const struct echoprint_db *db, const char *const *ids,
              size_t number, struct ep_error *err)
{
	struct ep_deletion deletion = { .ids = ids, .count = number };
	EP_TRY(ep_db_check(db, true, err));
	for (size_t i = 0; i < number; i++) {
		if (!ids || !ids[i])
			return ep_fail(err, EP_USAGE, "id %zu is NULL", i + 1);
	}
	EP_TRY(ep_node_delete(&deletion, ep_place_node(db->place), err));
	if (deleted)
		*deleted = deletion.deleted;
	return deletion.why.status == EP_OK
	               ? EP_OK
	               : ep_fail(err, deletion.why.status, "%s", deletion.why.text);
}

enum echoprint_status
echoprint_delete(uint64_t *deleted, struct echoprint_db *db, const char *const *ids, size_t number,
                 struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, delete_tracks(deleted, db, ids, number, &why), &why);
}
