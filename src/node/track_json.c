#include "node/track_json.h"

#include "base/time.h"
#include "format/json_text.h"
#include "node/fields_json.h"

static json_t *
document_json(struct ep_text id, const struct ep_document *row)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "track_id", ep_json_text(id),
	                 "codever", ep_json_text(row->codever), "codes", ep_json_text(row->codes),
	                 "length", ep_json_text(row->length), "artist", ep_json_text(row->artist),
	                 "release", ep_json_text(row->release), "track", ep_json_text(row->track));
}

static enum ep_status
add_documents(json_t *documents, const struct ep_track_view *view, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer id = { 0 };
	const struct ep_track *track = &view->decoded.track;
	for (size_t i = 0; i < track->count; i++) {
		const struct ep_document *row = &track->documents[i];
		if (!ep_track_view_has(view, row))
			continue;
		EP_TRY(ep_track_view_id(&id, view, row, err));
		if (json_array_append_new(documents, document_json(ep_buffer_text(&id), row)) < 0)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for a track");
	}
	return EP_OK;
}

enum ep_status
ep_track_json(json_t **json, const struct ep_track_view *view, struct ep_error *err)
{
	char date[EP_TIME_TEXT];
	const struct ep_track *track = &view->decoded.track;
	json_t *documents = json_array();
	enum ep_status status = documents ? add_documents(documents, view, err) : EP_OK;
	if (status != EP_OK) {
		json_decref(documents);
		return status;
	}
	ep_time_print(date, view->entry.import_date);
	json_t *made = json_pack("{s:o, s:o, s:s, s:s, s:I, s:b, s:o}", "track_id",
	                         ep_json_text(track->id), "copy_of",
	                         view->state == EP_LINK_IN_FORCE ? ep_json_text(view->link.original)
	                                                         : json_null(),
	                         "source", view->source, "import_date", date, "position",
	                         (json_int_t)view->entry.position, "confirmed", view->confirmed,
	                         "documents", documents);
	bool good = made != NULL;
	if (good && track->fields.count)
		good = json_object_set_new(made, "fields", ep_fields_json(&track->fields)) == 0;
	if (!good) {
		json_decref(made);
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a track");
	}
	*json = made;
	return EP_OK;
}
