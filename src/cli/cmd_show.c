#include "base/time.h"
#include "cli/cli.h"
#include "code/pairs.h"
#include "format/csv.h"
#include "format/json_text.h"

#include <stdio.h>
#include <string.h>

enum { OPTION_CSV };

static const struct ep_option options[] = {
	[OPTION_CSV] = { "csv", 0, NULL, "print the documents as rows of a dump" },
	{ 0 },
};

/* A track that was asked for, or some of its documents. */
struct shown {
	struct ep_entry entry;
	struct ep_decoded decoded;
	struct ep_text suffix; /* of the id that was asked for; empty: the whole track */
	char source[EP_SOURCE_NAME_MAX + 1];
	enum ep_link_state state;
	struct ep_link link;
	bool confirmed;
};

/* Whether a document was asked for: by the track, by its id, or by an id that has "-" and, behind
 * it, the documents' numbers. */
static bool
is_wanted(const struct shown *shown, const struct ep_document *row)
{
	struct ep_text suffix = row->suffix;
	size_t size = shown->suffix.size;
	return suffix.size >= size &&
	       (size == 0 || memcmp(suffix.at, shown->suffix.at, size) == 0) &&
	       (size == 0 || suffix.size == size || suffix.at[size] == '-');
}

static enum ep_status
join_id(struct ep_buffer *id, const struct shown *shown, const struct ep_document *row,
        struct ep_error *err)
{
	id->size = 0;
	EP_TRY(ep_buffer_append(id, shown->entry.id.at, shown->entry.id.size, err));
	return ep_buffer_append(id, row->suffix.at, row->suffix.size, err);
}

static enum ep_status
print_csv(const struct shown *shown, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer id = { 0 };
	EP_BUFFER struct ep_buffer out = { 0 };
	const struct ep_track *track = &shown->decoded.track;
	for (size_t i = 0; i < track->count; i++) {
		const struct ep_document *row = &track->documents[i];
		if (!is_wanted(shown, row))
			continue;
		EP_TRY(join_id(&id, shown, row, err));
		struct ep_text fields[EP_CSV_COLUMNS] = {
			{ .at = (const char *)id.data, .size = id.size },
			row->codever,
			row->codes,
			row->length,
			row->artist,
			row->release,
			row->track,
		};
		out.size = 0;
		EP_TRY(ep_csv_append_row(&out, fields, EP_CSV_COLUMNS, err));
		fwrite(out.data, 1, out.size, stdout);
	}
	return EP_OK;
}

static enum ep_status
print_json(const struct shown *shown, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer id = { 0 };
	json_t *documents = json_array();
	const struct ep_track *track = &shown->decoded.track;
	for (size_t i = 0; i < track->count; i++) {
		const struct ep_document *row = &track->documents[i];
		if (!is_wanted(shown, row))
			continue;
		EP_TRY(join_id(&id, shown, row, err));
		struct ep_text text = { .at = (const char *)id.data, .size = id.size };
		json_array_append_new(documents, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		                                           "track_id", ep_json_text(text),
		                                           "codever", ep_json_text(row->codever),
		                                           "codes", ep_json_text(row->codes),
		                                           "length", ep_json_text(row->length),
		                                           "artist", ep_json_text(row->artist),
		                                           "release", ep_json_text(row->release),
		                                           "track", ep_json_text(row->track)));
	}
	char date[EP_TIME_TEXT];
	ep_time_print(date, shown->entry.import_date);
	bool copy = shown->state == EP_LINK_IN_FORCE;
	(void)ep_print_json(json_pack("{s:o, s:o, s:s, s:s, s:I, s:b, s:o}", "track_id",
	                              ep_json_text(track->id), "copy_of",
	                              copy ? ep_json_text(shown->link.original) : json_null(),
	                              "source", shown->source, "import_date", date, "position",
	                              (json_int_t)shown->entry.position, "confirmed",
	                              shown->confirmed, "documents", documents),
	                    EP_EXIT_DONE);
	return EP_OK;
}

static void
print_field(const char *name, struct ep_text text)
{
	if (text.size == 0)
		return;
	printf("  %-8s ", name);
	ep_print_text(text);
	printf("\n");
}

static void
print_row(const struct shown *shown, const struct ep_document *row, struct ep_pairs *pairs)
{
	pairs->count = 0;
	if (ep_pairs_parse(pairs, row->codes, NULL) != EP_OK)
		pairs->count = 0;
	ep_print_text(shown->entry.id);
	ep_print_text(row->suffix);
	printf(": %s", ep_counted(pairs->count, "pair"));
	if (pairs->count)
		printf(", times %u to %u", (unsigned)pairs->items[0].time,
		       (unsigned)pairs->items[pairs->count - 1].time);
	printf("\n");
	print_field("artist", row->artist);
	print_field("release", row->release);
	print_field("track", row->track);
	print_field("length", row->length);
	print_field("codever", row->codever);
}

static void
print_words(const struct shown *shown)
{
	const struct ep_track *track = &shown->decoded.track;
	char date[EP_TIME_TEXT];
	ep_time_print(date, shown->entry.import_date);
	printf("track ");
	ep_print_text(track->id);
	printf(": %s, position %s, source %s%s, imported %s\n",
	       ep_counted(track->count, "document"), ep_grouped(shown->entry.position),
	       shown->source, shown->confirmed ? " (confirmed by the master)" : "", date);
	if (shown->state == EP_LINK_IN_FORCE) {
		printf("copy of ");
		ep_print_text(shown->link.original);
		printf(", which queries find instead\n");
	}
	EP_PAIRS struct ep_pairs pairs = { 0 };
	for (size_t i = 0; i < track->count; i++) {
		if (is_wanted(shown, &track->documents[i]))
			print_row(shown, &track->documents[i], &pairs);
	}
}

/* What the log says of the track beside its entry. */
static enum ep_status
find_source(struct shown *shown, const struct ep_log_read *read, struct ep_error *err)
{
	EP_FREE struct ep_source_info *sources = NULL;
	size_t count;
	EP_TRY(ep_log_link_state(&shown->state, &shown->link, read, &shown->entry, err));
	EP_TRY(ep_log_is_confirmed(&shown->confirmed, read, &shown->entry, err));
	EP_TRY(ep_log_sources(&sources, &count, read, err));
	for (size_t i = 0; i < count; i++) {
		if (sources[i].number == shown->entry.source)
			memcpy(shown->source, sources[i].name, sizeof shown->source);
	}
	return EP_OK;
}

/* Finds what an id names: a track, a document of one, or what a song with "-" in its id became. */
static enum ep_status
find(struct shown *shown, const struct ep_log_read *read, struct ep_codes_coder *coder,
     struct ep_text id, struct ep_error *err)
{
	struct ep_text track;
	ep_id_split(&track, &shown->suffix, id);
	EP_TRY(ep_log_find(&shown->entry, read, track, err));
	if (shown->entry.operation == EP_DELETE)
		return ep_fail(err, EP_NOT_FOUND, "track %.*s has been deleted",
		               ep_text_print_size(track), track.at);
	EP_TRY(ep_entry_decode(&shown->decoded, &shown->entry, coder, err));
	bool any = false;
	for (size_t i = 0; i < shown->decoded.track.count; i++)
		any |= is_wanted(shown, &shown->decoded.track.documents[i]);
	if (!any)
		return ep_fail(err, EP_NOT_FOUND, "track %.*s has no document %.*s",
		               ep_text_print_size(track), track.at, ep_text_print_size(id), id.at);
	return find_source(shown, read, err);
}

static enum ep_status
show(const struct ep_call *call, struct ep_error *err)
{
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_OWNED(ep_codes_coder_free)
	struct ep_codes_coder *coder = NULL;
	EP_TRY(ep_log_open(&log, call->folder, EP_LOG_READ, err));
	EP_TRY(ep_log_read_begin(&read, log, err));
	EP_TRY(ep_codes_coder_new(&coder, EP_CODES_ONSET, err));
	struct shown shown = { 0 };
	enum ep_status status = find(&shown, read, coder, ep_text_of(call->arguments[0]), err);
	if (status == EP_OK && call->values[OPTION_CSV])
		status = print_csv(&shown, err);
	else if (status == EP_OK && call->json)
		status = print_json(&shown, err);
	else if (status == EP_OK)
		print_words(&shown);
	ep_decoded_free(&shown.decoded);
	return status;
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct ep_error err;
	if (call->argument_count != 1)
		return ep_bad_usage(call->command, "give one TRACK_ID");
	if (call->json && call->values[OPTION_CSV])
		return ep_bad_usage(call->command, "--csv and --json exclude each other");
	return show(call, &err) == EP_OK ? EP_EXIT_DONE : ep_give_up(call, &err);
}

const struct ep_command ep_cmd_show = {
	.name = "show",
	.synopsis = "[--csv] TRACK_ID",
	.summary = "Show a track's documents",
	.details = "The id of a document, such as TRABC-3, shows that document alone.\n",
	.options = options,
	.run = run,
};
