#include "ingest/batch.h"

#include <string.h>

/* Checks a document by the rules for rows; its codes are looked at where they are decoded as text.
 */
static enum ep_status
check_document(struct ep_text track, const struct ep_document *row, struct ep_error *err)
{
	char id[512];
	struct ep_text length;
	if (track.size + row->suffix.size > sizeof id)
		return ep_fail(err, EP_BAD_INPUT, "the id of a document is too long");
	memcpy(id, track.at, track.size);
	if (row->suffix.size)
		memcpy(id + track.size, row->suffix.at, row->suffix.size);
	EP_TRY(ep_check_id((struct ep_text){ id, track.size + row->suffix.size }, err));
	if (row->suffix.size && row->suffix.at[0] != '-')
		return ep_fail(err, EP_BAD_INPUT,
		               "a document's id is not the track's id and -NUMBER");
	EP_TRY(ep_check_length(&length, row->length, err));
	if (length.size != row->length.size)
		return ep_fail(err, EP_BAD_INPUT, "a length is not a whole number");
	EP_TRY(ep_check_text(row->codever, "codever", err));
	EP_TRY(ep_check_text(row->artist, "artist", err));
	EP_TRY(ep_check_text(row->release, "release", err));
	return ep_check_text(row->track, "track", err);
}

static enum ep_status
check_rows(const struct ep_track *track, struct ep_error *err)
{
	for (size_t i = 0; i < track->count; i++) {
		const struct ep_document *row = &track->documents[i];
		if (i > 0 && ep_document_compare(row - 1, row) >= 0)
			return ep_fail(err, EP_BAD_INPUT, "its documents are not in order");
		EP_TRY(check_document(track->id, row, err));
	}
	return EP_OK;
}

static enum ep_status
check_size(const struct ep_track *track, struct ep_error *err)
{
	size_t size = ep_track_text_size(track);
	return size <= EP_TRACK_TEXT_MAX
	               ? EP_OK
	               : ep_fail(err, EP_BAD_INPUT,
	                         "the track would have %zu bytes of text, but may have at most %zu",
	                         size, EP_TRACK_TEXT_MAX);
}

/* Decodes the documents and holds them against the hash, and what is kept as text against the rules
 * for codes. */
static enum ep_status
check_contents(const struct ep_packet_entry *entry, const struct ep_entry *stored, bool texts,
               struct ep_batch_scratch *scratch, struct ep_error *err)
{
	const struct ep_track *track = &scratch->decoded.track;
	struct ep_hash hash;
	EP_TRY(ep_entry_decode(&scratch->decoded, stored, scratch->coder, err));
	EP_TRY(check_size(track, err));
	for (size_t i = 0; texts && i < track->count; i++) {
		scratch->pairs.count = 0;
		EP_TRY(ep_pairs_parse(&scratch->pairs, track->documents[i].codes, err));
	}
	ep_track_hash(&hash, track);
	if (memcmp(hash.bytes, entry->hash.bytes, EP_HASH_SIZE) != 0)
		return ep_fail(err, EP_BAD_INPUT, "its documents do not match its hash");
	return EP_OK;
}

/* Checks an entry as far as is asked for; what it holds is then as good as what rows were made to.
 * EP_BAD_INPUT or EP_CORRUPT with the reason. */
static enum ep_status
check_entry(const struct ep_packet_entry *entry, const struct ep_entry *stored, bool contents,
            struct ep_batch_scratch *scratch, struct ep_error *err)
{
	struct ep_bytes codes;
	struct ep_codes_usage usage = { 0 };
	EP_TRY(ep_entry_rows(&scratch->decoded, &codes, stored, err));
	EP_TRY(check_size(&scratch->decoded.track, err)); /* of all but the codes */
	EP_TRY(check_rows(&scratch->decoded.track, err));
	EP_TRY(ep_codes_add_usage(&usage, entry->documents, codes.at, codes.size, err));
	bool texts = usage.of[EP_CODES_TEXT].documents > 0;
	return contents || texts ? check_contents(entry, stored, texts, scratch, err) : EP_OK;
}

/* Reads the history of an entry; what a head stands for is what the entry holds. */
static enum ep_status
read_history(struct ep_history *history, const struct ep_packet_entry *entry, uint32_t parties,
             struct ep_arena *arena, struct ep_error *err)
{
	struct ep_revision head = { 0 };
	struct ep_reader reader = ep_reader_of(entry->history.at, entry->history.size);
	if (entry->operation != EP_PACKET_DELETE)
		memcpy(head.bytes, entry->hash.bytes, EP_REVISION_SIZE);
	EP_TRY(ep_history_read(history, &reader, &head, parties, NULL, arena, err));
	return ep_reader_left(&reader) == 0
	               ? EP_OK
	               : ep_fail(err, EP_BAD_INPUT, "there are bytes after its history");
}

/* Checks what a link says, and that its hash is of that. */
static enum ep_status
check_link(const struct ep_packet_entry *entry, const struct ep_entry *stored, struct ep_error *err)
{
	struct ep_link link;
	struct ep_hash hash;
	EP_TRY(ep_entry_link(&link, stored, err));
	ep_link_hash(&hash, entry->id, &link);
	if (memcmp(hash.bytes, entry->hash.bytes, EP_HASH_SIZE) != 0)
		return ep_fail(err, EP_BAD_INPUT, "the link does not match its hash");
	return link.original.size ? ep_check_id(link.original, err) : EP_OK;
}

/* Makes the body that the log is to hold, and checks it. */
static enum ep_status
make_body(struct ep_ready *ready, struct ep_batch *batch, const struct ep_packet_entry *entry,
          bool contents, struct ep_batch_scratch *scratch, struct ep_error *err)
{
	if (entry->operation == EP_PACKET_DELETE)
		return EP_OK;
	EP_TRY(ep_entry_join_body(&batch->bodies, entry->id, entry->documents, entry->about,
	                          entry->codes, err));
	ready->body_size = batch->bodies.size - ready->body_at;
	struct ep_entry stored = { .position = entry->position, .operation = ready->operation };
	struct ep_bytes body = { batch->bodies.data + ready->body_at, ready->body_size };
	EP_TRY(ep_entry_read_body(&stored, body, err));
	return entry->operation == EP_PACKET_LINK
	               ? check_link(entry, &stored, err)
	               : check_entry(entry, &stored, contents, scratch, err);
}

static enum ep_status
make_ready(struct ep_batch *batch, const struct ep_packet_entry *entry, uint32_t parties,
           bool contents, struct ep_batch_scratch *scratch, struct ep_error *err)
{
	struct ep_text track;
	struct ep_text suffix;
	EP_TRY(ep_check_id(entry->id, err));
	ep_id_split(&track, &suffix, entry->id);
	if (suffix.size)
		return ep_fail(err, EP_BAD_INPUT, "its id is the id of a document");
	struct ep_ready ready = {
		.offered = true,
		.operation = (enum ep_operation)entry->operation,
		.import_date = entry->import_date,
		.track = { .id = entry->id, .count = entry->documents },
		.body_at = batch->bodies.size,
		.hash = entry->hash,
		.whole = true,
		.origin_count = 1,
	};
	EP_TRY(read_history(&ready.history, entry, parties, &batch->arena, err));
	EP_TRY(make_body(&ready, batch, entry, contents, scratch, err));
	ready.origins = ep_arena_alloc(&batch->arena, sizeof *ready.origins);
	struct ep_ready *added = ready.origins ? ep_batch_add_ready(batch) : NULL;
	if (!added)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the tracks of a packet");
	*ready.origins = (struct ep_origin){ .number = entry->position };
	*added = ready;
	return EP_OK;
}

enum ep_status
ep_batch_packet(struct ep_batch *batch, struct ep_batch_scratch *scratch,
                const struct ep_packet_header *header, bool trusted, struct ep_error *err)
{
	ep_batch_reset(batch);
	EP_TRY(ep_packet_decode(&batch->packet, header, err));
	for (size_t i = 0; i < batch->packet.count; i++) {
		const struct ep_packet_entry *entry = &batch->packet.entries[i];
		struct ep_error why;
		size_t before = batch->bodies.size;
		bool contents = !trusted || i % EP_PACKET_SAMPLE == 0;
		enum ep_status status = make_ready(batch, entry, (uint32_t)header->party_count,
		                                   contents, scratch, &why);
		if (status == EP_OK)
			continue;
		if (status != EP_BAD_INPUT && status != EP_CORRUPT)
			return ep_fail(err, status, "%s", why.text);
		batch->bodies.size = before;
		struct ep_origin origin = { .number = entry->position };
		uint64_t documents = entry->operation == EP_PACKET_PUT ? entry->documents : 1;
		EP_TRY(ep_batch_refuse(batch, origin, documents, err, "%s", why.text));
	}
	return EP_OK;
}
