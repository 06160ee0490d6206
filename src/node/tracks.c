#include "node/tracks.h"

#include "base/time.h"
#include "format/json_text.h"
#include "node/fields_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct listing {
	const struct ep_log_read *read;
	const struct ep_tracks_query *query;
	struct ep_source_info *sources;
	size_t source_count;
	struct ep_decoded decoded;
	struct ep_catalogue_place after;
	uint64_t count;
	bool more;
	enum ep_status (*each)(void *context, const struct ep_track_row *row, struct ep_error *err);
	void *context;
};

/* ---- places ---- */

static void
print_place(char text[EP_TRACKS_PLACE_TEXT], const struct ep_catalogue_place *place)
{
	snprintf(text, EP_TRACKS_PLACE_TEXT, "%c%" PRIu64, place->begins ? 'b' : 'w',
	         place->position);
}

static enum ep_status
read_place(struct ep_catalogue_place *place, const char *text, struct ep_error *err)
{
	char again[EP_TRACKS_PLACE_TEXT];
	if (!text)
		return EP_OK;
	place->begins = text[0] == 'b';
	place->position = text[0] ? strtoull(text + 1, NULL, 10) : 0;
	print_place(again, place);
	return strcmp(again, text) == 0
	               ? EP_OK
	               : ep_fail(err, EP_BAD_INPUT,
	                         "\"%.40s\" is not a place in the list of tracks: give the one "
	                         "that the page before ends with",
	                         text);
}

/* ---- sources ---- */

static enum ep_status
find_source(uint32_t *number, const struct listing *listing, struct ep_error *err)
{
	*number = EP_SOURCE_ANY;
	if (!listing->query->source)
		return EP_OK;
	for (size_t i = 0; i < listing->source_count; i++) {
		if (strcmp(listing->sources[i].name, listing->query->source) == 0) {
			*number = listing->sources[i].number;
			return EP_OK;
		}
	}
	return ep_fail(err, EP_NOT_FOUND,
	               "no track is of a source \"%.64s\"; `echoprint status` lists the sources",
	               listing->query->source);
}

/* ---- rows ---- */

static enum ep_status
fill_row(struct ep_track_row *row, struct listing *listing, const struct ep_entry *entry,
         struct ep_error *err)
{
	struct ep_bytes codes;
	struct ep_link link;
	enum ep_link_state state;
	EP_TRY(ep_entry_rows(&listing->decoded, &codes, entry, err));
	EP_TRY(ep_log_link_state(&state, &link, listing->read, entry, err));
	const struct ep_document *first = listing->decoded.track.documents;
	*row = (struct ep_track_row){
		.id = entry->id,
		.artist = first->artist,
		.release = first->release,
		.track = first->track,
		.length = first->length,
		.fields = listing->decoded.track.fields,
		.copy_of = state == EP_LINK_IN_FORCE ? link.original : (struct ep_text){ 0 },
		.source =
			ep_source_name(listing->sources, listing->source_count, entry->source, ""),
		.document_count = entry->document_count,
		.import_date = entry->import_date,
		.position = entry->position,
	};
	return EP_OK;
}

static enum ep_status
on_track(void *context, bool *enough, const struct ep_entry *entry,
         const struct ep_catalogue_place *place, struct ep_error *err)
{
	struct listing *listing = context;
	struct ep_track_row row;
	/* One more than is wanted is looked at: is there another page? */
	if (listing->query->limit && listing->count == listing->query->limit) {
		*enough = listing->more = true;
		return EP_OK;
	}
	EP_TRY(fill_row(&row, listing, entry, err));
	print_place(row.place, place);
	listing->count++;
	return listing->each(listing->context, &row, err);
}

/* ---- all of them ---- */

static enum ep_status
list_all(struct listing *listing, uint32_t source, struct ep_error *err)
{
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	struct ep_catalogue_place place = listing->after;
	struct ep_entry entry;
	bool enough = false;
	if (place.position < listing->query->since)
		place.position = listing->query->since;
	EP_TRY(ep_log_cursor_open(&cursor, listing->read, place.position, source, err));
	while (!enough) {
		enum ep_status status = ep_log_cursor_next(&entry, cursor, err);
		if (status == EP_NOT_FOUND)
			break;
		EP_TRY(status);
		place.position = entry.position;
		if (entry.operation == EP_PUT)
			EP_TRY(on_track(listing, &enough, &entry, &place, err));
	}
	return EP_OK;
}

static enum ep_status
list(struct listing *listing, struct ep_catalogue *catalogue, struct ep_error *err)
{
	struct ep_catalogue_search search = { .text = listing->query->text,
		                              .since = listing->query->since };
	EP_TRY(ep_log_sources(&listing->sources, &listing->source_count, listing->read, err));
	EP_TRY(find_source(&search.source, listing, err));
	EP_TRY(read_place(&listing->after, listing->query->after, err));
	search.after = listing->after;
	if (!search.text.size)
		return list_all(listing, search.source, err);
	enum ep_status status =
		ep_catalogue_find(catalogue, listing->read, &search, on_track, listing, err);
	if (status == EP_NOT_FOUND && listing->query->late)
		*listing->query->late = true;
	return status;
}

enum ep_status
ep_tracks_each(bool *more, struct ep_log *log, struct ep_catalogue *catalogue,
               const struct ep_tracks_query *query,
               enum ep_status (*each)(void *context, const struct ep_track_row *row,
                                      struct ep_error *err),
               void *context, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_log_read_begin(&read, log, err));
	struct listing listing = { .read = read, .query = query, .each = each, .context = context };
	enum ep_status status = list(&listing, catalogue, err);
	ep_decoded_free(&listing.decoded);
	free(listing.sources);
	*more = listing.more;
	return status;
}

json_t *
ep_track_row_json(const struct ep_track_row *row)
{
	char date[EP_TIME_TEXT];
	ep_time_print(date, row->import_date);
	json_t *json = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:I, s:s, s:s, s:I, s:o}", "track_id",
		ep_json_text(row->id), "artist", ep_json_text(row->artist), "release",
		ep_json_text(row->release), "track", ep_json_text(row->track), "length",
		ep_json_text(row->length), "documents", (json_int_t)row->document_count, "source",
		row->source, "import_date", date, "position", (json_int_t)row->position, "copy_of",
		row->copy_of.size ? ep_json_text(row->copy_of) : json_null());
	json_t *fields = json && row->fields.count ? ep_fields_json(&row->fields) : NULL;
	if (fields)
		json_object_set_new(json, "fields", fields);
	return json;
}
