#include "node/edit.h"

#include "base/time.h"
#include "ingest/batch.h"
#include "peer/peer.h"

/* An edit on its way. */
struct editing {
	struct ep_log_write *write;
	struct ep_codes_coder *coder;
	struct ep_entry entry; /* as the track is */
	struct ep_decoded decoded; /* the same, and then as it is to be */
	struct ep_revision before;
	struct ep_buffer body;
};

static void
editing_free(struct editing *editing)
{
	ep_decoded_free(&editing->decoded);
	ep_buffer_free(&editing->body);
	ep_codes_coder_free(editing->coder);
	ep_log_abort(editing->write);
}
#define EDITING __attribute__((cleanup(editing_free)))

static enum ep_status
check_names(const struct ep_edit *edit, struct ep_error *err)
{
	EP_TRY(ep_check_text(edit->artist, "artist", err));
	EP_TRY(ep_check_text(edit->release, "release", err));
	return ep_check_text(edit->track, "track", err);
}

/* Reads the track, which must be one that this node's user may change. */
static enum ep_status
load(struct editing *editing, struct ep_text id, struct ep_error *err)
{
	struct ep_text track;
	struct ep_text suffix;
	struct ep_entry *entry = &editing->entry;
	ep_id_split(&track, &suffix, id);
	if (suffix.size)
		return ep_fail(err, EP_NOT_FOUND,
		               "%.*s names a document; only the whole track, %.*s, can be edited",
		               ep_text_print_size(id), id.at, ep_text_print_size(track), track.at);
	EP_TRY(ep_check_own(ep_log_inside(editing->write), id, err));
	EP_TRY(ep_log_find(entry, ep_log_inside(editing->write), id, err));
	if (entry->operation == EP_DELETE)
		return ep_fail(err, EP_NOT_FOUND, "track %.*s has been deleted",
		               ep_text_print_size(id), id.at);
	ep_entry_contents(&editing->before, entry);
	EP_TRY(ep_entry_decode(&editing->decoded, entry, editing->coder, err));
	editing->decoded.track.id = id; /* the log's own goes with the change */
	return EP_OK;
}

/* Gives the track its new names and fields. */
static enum ep_status
change(struct editing *editing, const struct ep_edit *edit, struct ep_error *err)
{
	struct ep_track *track = &editing->decoded.track;
	const struct ep_fields there = track->fields;
	for (size_t i = 0; i < track->count; i++) {
		struct ep_document *row = &track->documents[i];
		row->artist = edit->artist.at ? edit->artist : row->artist;
		row->release = edit->release.at ? edit->release : row->release;
		row->track = edit->track.at ? edit->track : row->track;
	}
	return ep_fields_join(&track->fields, &there, edit->fields, edit->field_count,
	                      &editing->decoded.arena, err);
}

/* Encodes it with the codes that it has. */
static enum ep_status
encode(struct editing *editing, struct ep_error *err)
{
	EP_DECODED struct ep_decoded rows = { 0 };
	struct ep_bytes codes;
	EP_TRY(ep_entry_rows(&rows, &codes, &editing->entry, err));
	return ep_entry_put_about(&editing->body, &editing->decoded.track, codes, err);
}

/* Puts the track as the user changed it. */
static enum ep_status
put(bool *changed, struct editing *editing, struct ep_error *err)
{
	const struct ep_track *track = &editing->decoded.track;
	struct ep_put_counts counts = { 0 };
	struct ep_put put = {
		.track = track,
		.body = ep_buffer_bytes(&editing->body),
		.source = EP_SOURCE_LOCAL,
		.import_date = editing->entry.import_date,
		.whole = true,
		.all_fields = true,
		.edit = true,
	};
	ep_track_hash(&put.hash, track);
	EP_TRY(ep_log_put(editing->write, &put, &counts, err));
	*changed = counts.updated > 0;
	return EP_OK;
}

enum ep_status
ep_node_edit(bool *changed, struct ep_node *node, struct ep_text id, const struct ep_edit *edit,
             struct ep_error *err)
{
	EDITING struct editing editing = { 0 };
	bool any = false;
	*changed = false;
	EP_TRY(check_names(edit, err));
	EP_TRY(ep_codes_coder_new(&editing.coder, EP_CODES_ONSET, err));
	EP_TRY(ep_log_write_begin(&editing.write, ep_node_log(node), err));
	EP_TRY(load(&editing, id, err));
	EP_TRY(change(&editing, edit, err));
	EP_TRY(encode(&editing, err));
	EP_TRY(put(&any, &editing, err));
	if (any) {
		EP_TRY(ep_log_renew_links(editing.write, id, &editing.before, ep_time_now(), err));
		EP_TRY(ep_log_commit(&editing.write, err));
	}
	*changed = any;
	ep_log_abort(EP_TAKE(editing.write));
	/* Also where it was so already: an edit that was killed may have left the index behind. */
	return any ? ep_node_follow_change(node, err) : ep_node_follow_index(node, err);
}
