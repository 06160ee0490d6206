#include "library/library_internal.h"

#include "node/track_view.h"

#include <stdlib.h>
#include <string.h>

/* What the caller gets; the first member is all that it sees. */
struct track {
	struct echoprint_track track;
	struct ep_arena texts;
};

static void
free_track(struct track *track)
{
	if (track)
		ep_arena_free(&track->texts);
	free(track);
}
EP_DEFINE_OWNED(struct track, free_track)

void
echoprint_track_free(struct echoprint_track *track)
{
	free_track((struct track *)track);
}

/* ---- one track ---- */

static enum ep_status
keep_document(struct echoprint_document *kept, struct ep_arena *texts, struct ep_text track,
              const struct ep_document *row, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer id = { 0 };
	const struct {
		const char **kept;
		struct ep_text text;
	} columns[] = { { &kept->codever, row->codever }, { &kept->codes, row->codes },
		        { &kept->length, row->length },   { &kept->artist, row->artist },
		        { &kept->release, row->release }, { &kept->track, row->track } };
	EP_TRY(ep_buffer_append(&id, track.at, track.size, err));
	EP_TRY(ep_buffer_append(&id, row->suffix.at, row->suffix.size, err));
	EP_TRY(ep_keep_text(&kept->document_id, texts, ep_buffer_text(&id), err));
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
		EP_TRY(ep_keep_text(columns[i].kept, texts, columns[i].text, err));
	return EP_OK;
}

static enum ep_status
keep_documents(struct track *made, const struct ep_track *track, struct ep_error *err)
{
	struct echoprint_document *documents =
		ep_arena_alloc(&made->texts, track->count * sizeof *documents);
	if (!documents)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < track->count; i++)
		EP_TRY(keep_document(&documents[i], &made->texts, track->id, &track->documents[i],
		                     err));
	made->track.documents = documents;
	made->track.documents_size = track->count;
	made->track.document_size = sizeof *documents;
	return EP_OK;
}

/* A track with what its rows say, and not what else the log knows of it. */
static enum ep_status
new_track(struct track **out, const struct ep_entry *entry, const struct ep_track *rows,
          bool documents, struct ep_error *err)
{
	EP_OWNED(free_track)
	struct track *made = calloc(1, sizeof *made);
	const struct ep_document *row = &rows->documents[0];
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	struct echoprint_track *track = &made->track;
	track->size = sizeof *track;
	track->import_date = entry->import_date;
	track->position = entry->position;
	track->document_count = entry->document_count;
	track->length_s = ep_length_seconds(row->length);
	EP_TRY(ep_keep_text(&track->track_id, &made->texts, entry->id, err));
	EP_TRY(ep_keep_text(&track->artist, &made->texts, row->artist, err));
	EP_TRY(ep_keep_text(&track->release, &made->texts, row->release, err));
	EP_TRY(ep_keep_text(&track->track, &made->texts, row->track, err));
	EP_TRY(ep_keep_text(&track->codever, &made->texts, row->codever, err));
	EP_TRY(ep_keep_fields(&track->fields, &track->field_count, &made->texts, &rows->fields,
	                      err));
	if (documents)
		EP_TRY(keep_documents(made, rows, err));
	*out = EP_TAKE(made);
	return EP_OK;
}

static enum ep_status
keep_place(struct track *made, const char *source, bool confirmed, enum ep_link_state state,
           const struct ep_link *link, struct ep_error *err)
{
	struct ep_text none = { 0 };
	made->track.confirmed = confirmed;
	EP_TRY(ep_keep_text(&made->track.source, &made->texts, ep_text_of(source), err));
	return ep_keep_text(&made->track.copy_of, &made->texts,
	                    state == EP_LINK_IN_FORCE ? link->original : none, err);
}

static enum ep_status
find_track(struct echoprint_track **out, struct echoprint_db *db, const char *id,
           struct ep_error *err)
{
	EP_TRACK_VIEW struct ep_track_view view = { 0 };
	EP_OWNED(free_track)
	struct track *made = NULL;
	EP_TRY(ep_db_check(db, false, err));
	if (!id)
		return ep_fail(err, EP_USAGE, "the id is NULL");
	EP_TRY(ep_track_view_open(&view, ep_place_log(db->place), ep_text_of(id), err));
	EP_TRY(new_track(&made, &view.entry, &view.decoded.track, true, err));
	EP_TRY(keep_place(made, view.source, view.confirmed, view.state, &view.link, err));
	*out = &EP_TAKE(made)->track;
	return EP_OK;
}

enum echoprint_status
echoprint_find_track(struct echoprint_track **out, struct echoprint_db *db, const char *id,
                     struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, find_track(out, db, id, &why), &why);
}

/* ---- all tracks ---- */

struct echoprint_tracks {
	struct echoprint_db *db;
	struct ep_log_read *read;
	struct ep_log_cursor *cursor; /* NULL: the tracks at positions, which a search found */
	struct ep_buffer positions; /* of 64 bits each */
	size_t next;
	struct ep_source_info *sources;
	size_t source_count;
	struct ep_codes_coder *coder; /* NULL: without documents */
	struct ep_decoded decoded;
};

void
echoprint_tracks_close(struct echoprint_tracks *tracks)
{
	if (!tracks)
		return;
	if (ep_place_is_here(tracks->db->place)) {
		ep_log_cursor_close(tracks->cursor);
		ep_log_read_end(tracks->read);
	}
	ep_codes_coder_free(tracks->coder);
	ep_decoded_free(&tracks->decoded);
	ep_buffer_free(&tracks->positions);
	free(tracks->sources);
	free(tracks);
}
EP_DEFINE_OWNED(struct echoprint_tracks, echoprint_tracks_close)

/* The number of a source; one that is not there has no tracks. */
static uint32_t
source_number(const struct echoprint_tracks *tracks, const char *name)
{
	for (size_t i = 0; name && i < tracks->source_count; i++) {
		if (strcmp(tracks->sources[i].name, name) == 0)
			return tracks->sources[i].number;
	}
	return name ? UINT32_MAX : EP_SOURCE_ANY;
}

static enum ep_status
on_found(void *context, bool *enough, const struct ep_entry *entry,
         const struct ep_catalogue_place *place, struct ep_error *err)
{
	struct echoprint_tracks *tracks = context;
	(void)enough;
	(void)place;
	return ep_buffer_append(&tracks->positions, &entry->position, sizeof entry->position, err);
}

/* Searches in a snapshot that takes the place of the one that is there. */
static enum ep_status
search(struct echoprint_tracks *tracks, const struct echoprint_tracks_options *options,
       struct ep_error *err)
{
	struct ep_catalogue_search wanted = { .text = ep_text_of(options->words),
		                              .source = source_number(tracks, options->source),
		                              .since = options->after };
	ep_log_read_end(EP_TAKE(tracks->read));
	return ep_place_search(&tracks->read, tracks->db->place, &wanted, on_found, tracks, err);
}

static enum ep_status
open_tracks(struct echoprint_tracks **out, struct echoprint_db *db,
            const struct echoprint_tracks_options *given, struct ep_error *err)
{
	EP_OWNED(echoprint_tracks_close)
	struct echoprint_tracks *tracks = NULL;
	struct echoprint_tracks_options options;
	EP_TRY(ep_db_check(db, false, err));
	EP_TRY(ep_read_sized_struct(&options, sizeof options, given, err));
	tracks = calloc(1, sizeof *tracks);
	if (!tracks)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	tracks->db = db;
	if (options.documents)
		EP_TRY(ep_codes_coder_new(&tracks->coder, EP_CODES_ONSET, err));
	EP_TRY(ep_log_read_begin(&tracks->read, ep_place_log(db->place), err));
	EP_TRY(ep_log_sources(&tracks->sources, &tracks->source_count, tracks->read, err));
	EP_TRY(options.words ? search(tracks, &options, err)
	                     : ep_log_cursor_open(&tracks->cursor, tracks->read, options.after,
	                                          source_number(tracks, options.source), err));
	*out = EP_TAKE(tracks);
	return EP_OK;
}

enum echoprint_status
echoprint_tracks_open(struct echoprint_tracks **out, struct echoprint_db *db,
                      const struct echoprint_tracks_options *options, struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, open_tracks(out, db, options, &why), &why);
}

/* EP_NOT_FOUND at the end. */
static enum ep_status
next_entry(struct ep_entry *entry, struct echoprint_tracks *tracks, struct ep_error *err)
{
	uint64_t position;
	if (tracks->cursor) {
		do
			EP_TRY(ep_log_cursor_next(entry, tracks->cursor, err));
		while (entry->operation != EP_PUT);
		return EP_OK;
	}
	if (tracks->next == tracks->positions.size / sizeof position)
		return EP_NOT_FOUND;
	memcpy(&position, tracks->positions.data + tracks->next++ * sizeof position,
	       sizeof position);
	return ep_log_entry_at(entry, tracks->read, position, err);
}

static enum ep_status
next_track(struct echoprint_track **out, struct echoprint_tracks *tracks, struct ep_error *err)
{
	EP_OWNED(free_track)
	struct track *made = NULL;
	struct ep_entry entry;
	struct ep_bytes codes;
	struct ep_link link;
	enum ep_link_state state;
	bool confirmed;
	if (!tracks)
		return ep_fail(err, EP_USAGE, "tracks is NULL");
	EP_TRY(ep_db_check(tracks->db, false, err));
	EP_TRY(next_entry(&entry, tracks, err));
	EP_TRY(tracks->coder ? ep_entry_decode(&tracks->decoded, &entry, tracks->coder, err)
	                     : ep_entry_rows(&tracks->decoded, &codes, &entry, err));
	EP_TRY(ep_log_link_state(&state, &link, tracks->read, &entry, err));
	EP_TRY(ep_log_is_confirmed(&confirmed, tracks->read, &entry, err));
	const char *source =
		ep_source_name(tracks->sources, tracks->source_count, entry.source, "");
	EP_TRY(new_track(&made, &entry, &tracks->decoded.track, tracks->coder != NULL, err));
	EP_TRY(keep_place(made, source, confirmed, state, &link, err));
	*out = &EP_TAKE(made)->track;
	return EP_OK;
}

enum echoprint_status
echoprint_tracks_next(struct echoprint_track **out, struct echoprint_tracks *tracks,
                      struct echoprint_error *err)
{
	struct ep_error why;
	enum ep_status status = next_track(out, tracks, &why);
	if (status == EP_NOT_FOUND)
		(void)ep_fail(&why, EP_NOT_FOUND, "there are no more tracks");
	return ep_told(err, status, &why);
}
