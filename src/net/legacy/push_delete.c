/* What goes from the servers of 2011: documents by their ids, and the keys of their codes. */
#include "net/legacy/legacy_push_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Documents of a track, at most. */
#define TRACK_ROWS (2 * EP_TRACK_DOCUMENTS_MAX)

/* Asks Solr for the documents of a track, which gone names: those whose ids begin with it and "-",
 * behind which comes ".", and the one that is called like it. */
static enum ep_status
ask_track(struct ep_pushing *push, const struct ep_push_gone *gone, struct ep_error *err)
{
	struct ep_buffer *query = &push->query;
	EP_BUFFER struct ep_buffer id = { 0 };
	query->size = 0;
	EP_TRY(ep_buffer_append(&id, gone->track.at, gone->track.size, err));
	EP_TRY(ep_old_xml_words(query, "track_id:", err));
	EP_TRY(ep_old_query_quote(query, ep_buffer_text(&id), err));
	EP_TRY(ep_old_xml_words(&id, "-", err));
	EP_TRY(ep_old_xml_words(query, " OR track_id:[", err));
	EP_TRY(ep_old_query_quote(query, ep_buffer_text(&id), err));
	EP_TRY(ep_old_xml_words(query, " TO ", err));
	id.data[id.size - 1] = '.';
	EP_TRY(ep_old_query_quote(query, ep_buffer_text(&id), err));
	EP_TRY(ep_old_xml_words(query, "]", err));
	struct ep_old_select select = { .query = ep_buffer_text(query), .rows = TRACK_ROWS };
	return ep_old_solr_select(&push->page, push->solr, &select, err);
}

/* Whether a document is one of those that are to go. One that is called otherwise than by a number
 * may be of another song: our log no longer says which documents it had. */
static bool
is_gone(const struct ep_pushing *push, const struct ep_push_gone *gone, struct ep_text id)
{
	struct ep_text track;
	struct ep_text suffix;
	ep_id_split(&track, &suffix, id);
	uint32_t segment = ep_suffix_segment(suffix);
	if (!ep_text_equal(track, gone->track) || ep_text_equal(id, ep_text_of(EP_TYRANT_LASTDUMP)))
		return false;
	if (segment != EP_NO_SEGMENT)
		return segment >= gone->from;
	if (gone->from == 0 && suffix.size == 0)
		return true;
	if (gone->from == 0)
		push->options->on_document(push->options->context, id,
		                           "not deleted, though its track was: other songs may "
		                           "have the same beginning of their id");
	return false;
}

/* Lists the keys of a track that is gone, of which Solr may not know, for want of a commit. */
static enum ep_status
add_numbered_keys(struct ep_pushing *push, const struct ep_push_gone *gone, struct ep_error *err)
{
	for (uint32_t i = 0; i < gone->count; i++) {
		struct ep_text key;
		size_t room = gone->track.size + 16;
		char *id = ep_arena_alloc(&push->batch.arena, room);
		if (!id)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for an id");
		memcpy(id, gone->track.at, gone->track.size);
		int size = snprintf(id + gone->track.size, 16, "-%" PRIu32, i);
		key = (struct ep_text){ id, gone->track.size + (size_t)size };
		EP_TRY(ep_push_key(push, key, (struct ep_text){ 0 }, err));
	}
	return EP_OK;
}

enum ep_status
ep_push_delete(uint64_t *deleted, struct ep_pushing *push, struct ep_error *err)
{
	struct ep_push_batch *batch = &push->batch;
	*deleted = 0;
	push->key_count = 0;
	EP_TRY(ep_push_begin_xml(push, "<delete>", err));
	for (size_t i = 0; i < batch->gone_count; i++) {
		const struct ep_push_gone *gone = &batch->gone[i];
		EP_TRY(ask_track(push, gone, err));
		for (size_t j = 0; j < push->page.count; j++) {
			struct ep_text id = push->page.documents[j].id;
			if (!is_gone(push, gone, id))
				continue;
			EP_TRY(ep_old_xml_id(&push->xml, id, err));
			EP_TRY(ep_arena_text(&id, &batch->arena, id, err));
			EP_TRY(ep_push_key(push, id, (struct ep_text){ 0 }, err));
			++*deleted;
		}
		EP_TRY(add_numbered_keys(push, gone, err));
	}
	return *deleted ? ep_push_send_xml(push, "</delete>", err) : EP_OK;
}
