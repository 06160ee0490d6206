/* track_view.h - a track that the user asks for, or some of its documents, with what the log says
 * of it */
#ifndef EP_NODE_TRACK_VIEW_H
#define EP_NODE_TRACK_VIEW_H

#include "store/log.h"

/* A zeroed struct is empty. Its slices are borrowed from the log. */
struct ep_track_view {
	struct ep_log_read *read;
	struct ep_codes_coder *coder;
	struct ep_decoded decoded; /* all documents of the track */
	struct ep_entry entry;
	struct ep_text suffix; /* of the id that was asked for; empty: the whole track */
	char source[EP_SOURCE_NAME_MAX + 1];
	enum ep_link_state state;
	struct ep_link link;
	bool confirmed;
};
void ep_track_view_close(struct ep_track_view *view);
#define EP_TRACK_VIEW __attribute__((cleanup(ep_track_view_close)))

/* Finds what an id names: a track, a document of one, or what a song with "-" in its id became.
 *
 * view  starts zeroed, and is closed by the caller, before the log, on failure too. The id is
 *       borrowed until then.
 * EP_NOT_FOUND  there is no such track or document, or it has been deleted. EP_CORRUPT, EP_IO,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_track_view_open(struct ep_track_view *view, struct ep_log *log,
                                              struct ep_text id, struct ep_error *err);

/* Whether a document was asked for: by the track, by its id, or by an id that has "-" and, behind
 * it, the documents' numbers. */
bool ep_track_view_has(const struct ep_track_view *view, const struct ep_document *document);

/* Writes the id of a document in place of what id holds. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_track_view_id(struct ep_buffer *id, const struct ep_track_view *view,
                                            const struct ep_document *document,
                                            struct ep_error *err);

#endif
