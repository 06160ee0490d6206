#include "node/track_view.h"

#include "code/stored/codes.h"

#include <stdio.h>
#include <string.h>

void
ep_track_view_close(struct ep_track_view *view)
{
	ep_decoded_free(&view->decoded);
	ep_codes_coder_free(view->coder);
	ep_log_read_end(view->read);
	*view = (struct ep_track_view){ 0 };
}

bool
ep_track_view_has(const struct ep_track_view *view, const struct ep_document *document)
{
	struct ep_text suffix = document->suffix;
	size_t size = view->suffix.size;
	return suffix.size >= size &&
	       (size == 0 || memcmp(suffix.at, view->suffix.at, size) == 0) &&
	       (size == 0 || suffix.size == size || suffix.at[size] == '-');
}

/* What the log says of the track beside its entry. */
static enum ep_status
find_source(struct ep_track_view *view, struct ep_error *err)
{
	EP_FREE struct ep_source_info *sources = NULL;
	size_t count;
	EP_TRY(ep_log_link_state(&view->state, &view->link, view->read, &view->entry, err));
	EP_TRY(ep_log_is_confirmed(&view->confirmed, view->read, &view->entry, err));
	EP_TRY(ep_log_sources(&sources, &count, view->read, err));
	snprintf(view->source, sizeof view->source, "%s",
	         ep_source_name(sources, count, view->entry.source, ""));
	return EP_OK;
}

enum ep_status
ep_track_view_open(struct ep_track_view *view, struct ep_log *log, struct ep_text id,
                   struct ep_error *err)
{
	struct ep_text track;
	ep_id_split(&track, &view->suffix, id);
	EP_TRY(ep_log_read_begin(&view->read, log, err));
	EP_TRY(ep_codes_coder_new(&view->coder, EP_CODES_ONSET, err));
	EP_TRY(ep_log_find(&view->entry, view->read, track, err));
	if (view->entry.operation == EP_DELETE)
		return ep_fail(err, EP_NOT_FOUND, "track %.*s has been deleted",
		               ep_text_print_size(track), track.at);
	EP_TRY(ep_entry_decode(&view->decoded, &view->entry, view->coder, err));
	bool any = false;
	for (size_t i = 0; i < view->decoded.track.count; i++)
		any |= ep_track_view_has(view, &view->decoded.track.documents[i]);
	if (!any)
		return ep_fail(err, EP_NOT_FOUND, "track %.*s has no document %.*s",
		               ep_text_print_size(track), track.at, ep_text_print_size(id), id.at);
	return find_source(view, err);
}

enum ep_status
ep_track_view_id(struct ep_buffer *id, const struct ep_track_view *view,
                 const struct ep_document *document, struct ep_error *err)
{
	id->size = 0;
	EP_TRY(ep_buffer_append(id, view->entry.id.at, view->entry.id.size, err));
	return ep_buffer_append(id, document->suffix.at, document->suffix.size, err);
}
