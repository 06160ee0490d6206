#include "node/listing.h"

#include "base/time.h"
#include "format/json_text.h"

#define UNIT_S 0.023

json_t *
ep_copy_json(struct ep_text copy, const struct ep_link *link)
{
	return json_pack("{s:o, s:o, s:s, s:f, s:f, s:f}", "track_id", ep_json_text(copy),
	                 "original", ep_json_text(link->original), "kind",
	                 link->kind == EP_COPY_EXACT ? "exact" : "match", "share",
	                 link->share / 1000.0, "coverage", link->coverage / 1000.0, "offset_s",
	                 (double)link->offset * UNIT_S);
}

enum ep_status
ep_each_copy(const struct ep_log_read *read, size_t skip,
             enum ep_status (*each)(void *context, bool *enough, struct ep_text copy,
                                    const struct ep_link *link, struct ep_error *err),
             void *context, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer ids = { 0 };
	size_t count;
	bool enough = false;
	EP_TRY(ep_log_copies(&ids, &count, read, (struct ep_text){ 0 }, err));
	const uint8_t *at = ids.data;
	for (size_t i = 0; i < count && !enough; at += 1 + *at, i++) {
		struct ep_entry entry;
		struct ep_link link;
		enum ep_link_state state;
		if (i < skip)
			continue;
		EP_TRY(ep_log_find(&entry, read, (struct ep_text){ (const char *)at + 1, *at },
		                   err));
		EP_TRY(ep_log_link_state(&state, &link, read, &entry, err));
		EP_TRY(each(context, &enough, entry.id, &link, err));
	}
	return EP_OK;
}

/* Adds the names of the first document. */
static enum ep_status
add_names(json_t *json, const struct ep_entry *entry, struct ep_error *err)
{
	struct ep_decoded decoded = { 0 };
	struct ep_bytes codes;
	enum ep_status status = ep_entry_rows(&decoded, &codes, entry, err);
	if (status == EP_OK) {
		const struct ep_document *first = decoded.track.documents;
		json_object_set_new(json, "artist", ep_json_text(first->artist));
		json_object_set_new(json, "release", ep_json_text(first->release));
		json_object_set_new(json, "track", ep_json_text(first->track));
		json_object_set_new(json, "length", ep_json_text(first->length));
	}
	ep_decoded_free(&decoded);
	return status;
}

/* Gives what was made, with the names of the entry (NULL: it has none). */
static enum ep_status
give(json_t **json, json_t *made, const struct ep_entry *entry, struct ep_error *err)
{
	enum ep_status status = entry ? add_names(made, entry, err) : EP_OK;
	if (status == EP_OK)
		*json = made;
	else
		json_decref(made);
	return status;
}

enum ep_status
ep_conflict_json(json_t **json, const struct ep_entry *entry, const char *source, uint64_t version,
                 struct ep_error *err)
{
	char date[EP_TIME_TEXT];
	bool deletion = entry->operation == EP_DELETE;
	ep_time_print(date, entry->import_date);
	json_t *made = json_pack(
		"{s:o, s:I, s:s, s:b, s:I, s:s}", "track_id", ep_json_text(entry->id), "version",
		(json_int_t)version, "source", source, "deletion", deletion, "documents",
		(json_int_t)(deletion ? 0 : entry->document_count), "import_date", date);
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the list of conflicts");
	return give(json, made, deletion ? NULL : entry, err);
}

const char *
ep_change_name(const struct ep_entry *entry)
{
	struct ep_link link;
	if (entry->operation == EP_PUT)
		return "put";
	if (entry->operation == EP_DELETE)
		return "delete";
	return ep_entry_link(&link, entry, NULL) == EP_OK && link.original.size ? "link"
	                                                                        : "release";
}

enum ep_status
ep_pending_json(json_t **json, const struct ep_unconfirmed *item, struct ep_error *err)
{
	static const char *const states[] = {
		[EP_WAIT_NONE] = "unsent", [EP_WAIT_FEED] = "sent", [EP_WAIT_REFUSED] = "refused",
		[EP_WAIT_FULL] = "full",   [EP_WAIT_CSV] = "csv",
	};
	const struct ep_entry *entry = &item->entry;
	json_t *made = json_pack("{s:o, s:s, s:s}", "track_id", ep_json_text(entry->id), "change",
	                         ep_change_name(entry), "state",
	                         item->proof ? "unsent" : states[item->wait]);
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the list of changes");
	return give(json, made, entry->operation == EP_PUT ? entry : NULL, err);
}
