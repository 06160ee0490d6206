/* tracks.h - the tracks of a node, all or those that have some words, page by page */
#ifndef EP_NODE_TRACKS_H
#define EP_NODE_TRACKS_H

#include "catalogue/catalogue.h"

#include <jansson.h>

/* The place of a track, as text: whoever gives it back goes on behind that track. */
#define EP_TRACKS_PLACE_TEXT 24

/* What a list says of a track; borrowed. Names are those of its first document. */
struct ep_track_row {
	struct ep_text id;
	struct ep_text artist;
	struct ep_text release;
	struct ep_text track;
	struct ep_text length; /* seconds, as the rows have it */
	struct ep_text copy_of; /* empty: a song of its own */
	struct ep_fields fields;
	const char *source;
	uint32_t document_count;
	int64_t import_date;
	uint64_t position;
	char place[EP_TRACKS_PLACE_TEXT];
};

struct ep_tracks_query {
	struct ep_text text; /* words (catalogue/words.h); empty: all tracks */
	const char *source; /* of one source; NULL: of all */
	uint64_t since; /* positions above this one */
	const char *after; /* behind this place; NULL: from the first */
	uint64_t limit; /* so many at most; 0: all */
	bool *late; /* made true where EP_NOT_FOUND is of the catalogue; may be NULL */
};

/* Calls each with the tracks: all in order of their positions, or those that have the words, whole
 * words first. *more says whether there are more behind the last one.
 *
 * EP_NOT_FOUND  no such source; or the catalogue has to follow first. EP_BAD_INPUT  the text, or
 * the place. EP_CORRUPT, EP_IO, EP_NO_MEMORY, and what each fails with. */
EP_MUST_USE enum ep_status ep_tracks_each(
	bool *more, struct ep_log *log, struct ep_catalogue *catalogue,
	const struct ep_tracks_query *query,
	enum ep_status (*each)(void *context, const struct ep_track_row *row, struct ep_error *err),
	void *context, struct ep_error *err);

/* A row as an object; NULL when there is no memory. */
json_t *ep_track_row_json(const struct ep_track_row *row);

#endif
