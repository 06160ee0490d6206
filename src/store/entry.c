#include "store/entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER 48
#define TRAILER 4

enum { LAYOUT = 3, LAYOUT_WITH_FIELDS = 4, NUMBERED = 0, NAMED = 1 };

/* Stands before the fields, where a track without them has its number of metadata. */
enum { WITH_FIELDS = 0 };

/* The texts of a document that its track's other documents usually share. */
enum { METADATA_TEXTS = 5 };

static void
metadata_of(struct ep_text *texts[METADATA_TEXTS], struct ep_document *row)
{
	texts[0] = &row->codever;
	texts[1] = &row->length;
	texts[2] = &row->artist;
	texts[3] = &row->release;
	texts[4] = &row->track;
}

static bool
metadata_equal(const struct ep_document *one, const struct ep_document *other)
{
	return ep_text_equal(one->codever, other->codever) &&
	       ep_text_equal(one->length, other->length) &&
	       ep_text_equal(one->artist, other->artist) &&
	       ep_text_equal(one->release, other->release) &&
	       ep_text_equal(one->track, other->track);
}

/* Writes each distinct metadata once. Documents of a track nearly always agree; where they do not,
 * neighbours do, so only the metadata last seen is looked for. */
static enum ep_status
put_metadata(struct ep_buffer *out, const struct ep_track *track, struct ep_error *err)
{
	uint64_t distinct = 1;
	for (size_t i = 1; i < track->count; i++)
		distinct += !metadata_equal(&track->documents[i], &track->documents[i - 1]);
	EP_TRY(ep_buffer_varint(out, distinct, err));
	for (size_t i = 0; i < track->count; i++) {
		struct ep_document row = track->documents[i];
		if (i > 0 && metadata_equal(&row, &track->documents[i - 1]))
			continue;
		struct ep_text *texts[METADATA_TEXTS];
		metadata_of(texts, &row);
		for (size_t k = 0; k < METADATA_TEXTS; k++)
			EP_TRY(ep_put_text(out, *texts[k], err));
	}
	uint64_t which = 0;
	for (size_t i = 0; distinct > 1 && i < track->count; i++) {
		which += i > 0 && !metadata_equal(&track->documents[i], &track->documents[i - 1]);
		EP_TRY(ep_buffer_varint(out, which, err));
	}
	return EP_OK;
}

static enum ep_status
put_numbering(struct ep_buffer *out, const struct ep_track *track, struct ep_error *err)
{
	uint8_t kind = NUMBERED;
	for (size_t i = 0; i < track->count; i++) {
		if (ep_suffix_segment(track->documents[i].suffix) != i)
			kind = NAMED;
	}
	EP_TRY(ep_buffer_append(out, &kind, 1, err));
	for (size_t i = 0; kind == NAMED && i < track->count; i++)
		EP_TRY(ep_put_text(out, track->documents[i].suffix, err));
	return EP_OK;
}

static enum ep_status
put_fields(struct ep_buffer *out, const struct ep_track *track, struct ep_error *err)
{
	static const uint8_t mark = WITH_FIELDS;
	if (track->fields.count == 0)
		return EP_OK;
	EP_TRY(ep_buffer_append(out, &mark, 1, err));
	return ep_fields_write(out, &track->fields, err);
}

/* Writes all of a put but its codes. */
static enum ep_status
put_about(struct ep_buffer *out, const struct ep_track *track, struct ep_error *err)
{
	EP_TRY(ep_put_text(out, track->id, err));
	EP_TRY(ep_buffer_varint(out, track->count, err));
	EP_TRY(put_fields(out, track, err));
	EP_TRY(put_metadata(out, track, err));
	return put_numbering(out, track, err);
}

static enum ep_status
put_codes(struct ep_buffer *out, const struct ep_track *track, struct ep_codes_coder *coder,
          struct ep_error *err)
{
	EP_FREE struct ep_codes_document *codes = calloc(track->count, sizeof *codes);
	if (!codes)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu documents", track->count);
	for (size_t i = 0; i < track->count; i++) {
		codes[i].text = track->documents[i].codes;
		codes[i].segment = ep_suffix_segment(track->documents[i].suffix);
	}
	return ep_codes_encode(out, coder, codes, track->count, err);
}

enum ep_status
ep_entry_put_body(struct ep_buffer *out, struct ep_codes_usage *usage, const struct ep_track *track,
                  struct ep_codes_coder *coder, struct ep_error *err)
{
	EP_TRY(put_about(out, track, err));
	size_t codes_at = out->size;
	EP_TRY(put_codes(out, track, coder, err));
	if (!usage)
		return EP_OK;
	return ep_codes_add_usage(usage, track->count, out->data + codes_at, out->size - codes_at,
	                          err);
}

enum ep_status
ep_entry_put_about(struct ep_buffer *out, const struct ep_track *track, struct ep_bytes codes,
                   struct ep_error *err)
{
	EP_TRY(put_about(out, track, err));
	return ep_buffer_append(out, codes.at, codes.size, err);
}

enum ep_status
ep_entry_delete_body(struct ep_buffer *out, struct ep_text id, uint32_t document_count,
                     struct ep_error *err)
{
	EP_TRY(ep_put_text(out, id, err));
	return ep_buffer_varint(out, document_count, err);
}

size_t
ep_entry_size(const struct ep_entry *entry)
{
	uint8_t scratch[EP_VARINT_MAX];
	return HEADER + ep_varint_store(scratch, entry->era) +
	       ep_varint_store(scratch, entry->since) +
	       ep_varint_store(scratch, entry->history.size) + entry->history.size +
	       entry->body.size + TRAILER;
}

bool
ep_entry_has_fields(const struct ep_entry *entry)
{
	return entry->operation == EP_PUT && entry->rest.size > 0 &&
	       entry->rest.at[0] == WITH_FIELDS;
}

/* The layout that an entry needs, by its body. */
static uint8_t
layout_of(const struct ep_entry *entry)
{
	struct ep_entry read = { .operation = entry->operation };
	bool fields =
		ep_entry_read_body(&read, entry->body, NULL) == EP_OK && ep_entry_has_fields(&read);
	return fields ? LAYOUT_WITH_FIELDS : LAYOUT;
}

void
ep_entry_write(uint8_t *bytes, const struct ep_entry *entry)
{
	bytes[0] = layout_of(entry);
	bytes[1] = (uint8_t)entry->operation;
	bytes[2] = entry->flags;
	bytes[3] = 0;
	ep_store32(bytes + 4, entry->source);
	ep_store64(bytes + 8, (uint64_t)entry->import_date);
	memcpy(bytes + 16, entry->hash.bytes, EP_HASH_SIZE);
	size_t size = HEADER;
	size += ep_varint_store(bytes + size, entry->era);
	size += ep_varint_store(bytes + size, entry->since);
	size += ep_varint_store(bytes + size, entry->history.size);
	memcpy(bytes + size, entry->history.at, entry->history.size);
	size += entry->history.size;
	memcpy(bytes + size, entry->body.at, entry->body.size);
	size += entry->body.size;
	ep_store32(bytes + size, ep_crc32(bytes, size));
}

static enum ep_status
damaged(struct ep_error *err, uint64_t position, const char *what)
{
	return ep_fail(err, EP_CORRUPT, "the log's entry at position %llu is damaged: %s",
	               (unsigned long long)position, what);
}

enum ep_status
ep_entry_read(struct ep_entry *entry, uint64_t position, const void *bytes, size_t size,
              struct ep_error *err)
{
	if (size < HEADER + TRAILER)
		return damaged(err, position, "it is too short");
	const uint8_t *at = bytes;
	size_t end = size - TRAILER;
	if (ep_load32(at + end) != ep_crc32(at, end))
		return damaged(err, position, "its checksum is wrong");
	if (at[0] > LAYOUT_WITH_FIELDS)
		return ep_fail(err, EP_NEWER,
		               "the log's entry at position %llu has layout %u, but this program "
		               "knows only %u",
		               (unsigned long long)position, at[0], LAYOUT_WITH_FIELDS);
	if (at[0] < LAYOUT || at[1] < EP_PUT || at[1] > EP_LINK)
		return damaged(err, position, "its layout or operation does not exist");
	struct ep_entry found = {
		.position = position,
		.operation = (enum ep_operation)at[1],
		.flags = at[2],
		.source = ep_load32(at + 4),
		.import_date = (int64_t)ep_load64(at + 8),
	};
	memcpy(found.hash.bytes, at + 16, EP_HASH_SIZE);
	struct ep_reader reader = ep_reader_of(at + HEADER, end - HEADER);
	found.era = ep_read_varint(&reader);
	found.since = ep_read_varint(&reader);
	found.history = ep_read_sized(&reader);
	if (!reader.ok || found.history.size == 0)
		return damaged(err, position, "it has no history");
	found.body = ep_reader_rest(&reader);
	EP_TRY(ep_entry_read_body(&found, found.body, err));
	if (ep_entry_has_fields(&found) != (at[0] == LAYOUT_WITH_FIELDS))
		return damaged(err, position, "its layout does not fit its fields");
	*entry = found;
	return EP_OK;
}

enum ep_status
ep_entry_read_body(struct ep_entry *entry, struct ep_bytes body, struct ep_error *err)
{
	struct ep_reader reader = ep_reader_of(body.at, body.size);
	struct ep_text id = ep_read_text(&reader);
	uint64_t count = ep_read_varint(&reader);
	bool link = entry->operation == EP_LINK;
	if (!reader.ok || id.size == 0 || (count == 0) != link || count > UINT32_MAX)
		return damaged(err, entry->position,
		               "its id or its number of documents is invalid");
	entry->id = id;
	entry->document_count = (uint32_t)count;
	entry->rest = ep_reader_rest(&reader);
	return EP_OK;
}

void
ep_entry_contents(struct ep_revision *contents, const struct ep_entry *entry)
{
	*contents = (struct ep_revision){ 0 };
	if (entry->operation != EP_DELETE)
		memcpy(contents->bytes, entry->hash.bytes, EP_REVISION_SIZE);
}

enum ep_status
ep_entry_history(struct ep_history *history, const struct ep_entry *entry, uint32_t parties,
                 const uint32_t *map, struct ep_arena *arena, struct ep_error *err)
{
	struct ep_revision head;
	struct ep_reader reader = ep_reader_of(entry->history.at, entry->history.size);
	ep_entry_contents(&head, entry);
	EP_TRY(ep_history_read(history, &reader, &head, parties, map, arena, err));
	return ep_reader_left(&reader) == 0
	               ? EP_OK
	               : damaged(err, entry->position, "there are bytes after its history");
}

/* ---- links ---- */

/* Offsets are within the times that a track can have. */
#define OFFSET_MAX ((int64_t)1 << 32)

/* Reads what a link to an original says of it. */
static bool
read_evidence(struct ep_link *link, struct ep_reader *reader)
{
	ep_read_into(reader, link->original_contents.bytes, EP_REVISION_SIZE);
	uint8_t kind = ep_read8(reader);
	uint64_t share = ep_read_varint(reader);
	uint64_t coverage = ep_read_varint(reader);
	uint64_t zigzag = ep_read_varint(reader);
	link->kind = kind == EP_COPY_EXACT ? EP_COPY_EXACT : EP_COPY_MATCH;
	link->share = (uint32_t)share;
	link->coverage = (uint32_t)coverage;
	link->offset = (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
	return reader->ok && (kind == EP_COPY_EXACT || kind == EP_COPY_MATCH) && share <= 1000 &&
	       coverage <= 1000 && link->offset >= -OFFSET_MAX && link->offset <= OFFSET_MAX &&
	       link->original.size <= 255;
}

enum ep_status
ep_entry_link(struct ep_link *link, const struct ep_entry *entry, struct ep_error *err)
{
	struct ep_link read = { 0 };
	struct ep_reader reader = ep_reader_of(entry->rest.at, entry->rest.size);
	read.original = ep_read_text(&reader);
	ep_read_into(&reader, read.copy_contents.bytes, EP_REVISION_SIZE);
	bool good = entry->operation == EP_LINK && reader.ok &&
	            (read.original.size == 0 || read_evidence(&read, &reader));
	if (!good || ep_reader_left(&reader) != 0)
		return damaged(err, entry->position, "its link is invalid");
	*link = read;
	return EP_OK;
}

enum ep_status
ep_entry_link_body(struct ep_buffer *out, struct ep_text copy, const struct ep_link *link,
                   struct ep_error *err)
{
	uint8_t kind = (uint8_t)link->kind;
	uint64_t zigzag = (uint64_t)link->offset << 1 ^ (uint64_t)(link->offset >> 63);
	EP_TRY(ep_put_text(out, copy, err));
	EP_TRY(ep_buffer_varint(out, 0, err));
	EP_TRY(ep_put_text(out, link->original, err));
	EP_TRY(ep_buffer_append(out, link->copy_contents.bytes, EP_REVISION_SIZE, err));
	if (link->original.size == 0)
		return EP_OK;
	EP_TRY(ep_buffer_append(out, link->original_contents.bytes, EP_REVISION_SIZE, err));
	EP_TRY(ep_buffer_append(out, &kind, 1, err));
	EP_TRY(ep_buffer_varint(out, link->share, err));
	EP_TRY(ep_buffer_varint(out, link->coverage, err));
	return ep_buffer_varint(out, zigzag, err);
}

void
ep_link_hash(struct ep_hash *hash, struct ep_text copy, const struct ep_link *link)
{
	struct ep_hasher hasher;
	ep_hasher_init(&hasher);
	ep_hasher_add_text(&hasher, ep_text_of("echoprint link 1"));
	ep_hasher_add_text(&hasher, copy);
	ep_hasher_add_text(&hasher, link->original);
	ep_hasher_add(&hasher, link->copy_contents.bytes, EP_REVISION_SIZE);
	if (link->original.size)
		ep_hasher_add(&hasher, link->original_contents.bytes, EP_REVISION_SIZE);
	ep_hasher_done(hash, &hasher);
}

/* ---- rows ---- */

static enum ep_status
read_fields(struct ep_decoded *decoded, struct ep_reader *reader, const struct ep_entry *entry,
            struct ep_error *err)
{
	struct ep_error why;
	decoded->track.fields = (struct ep_fields){ 0 };
	if (!ep_entry_has_fields(entry))
		return EP_OK;
	(void)ep_read8(reader);
	enum ep_status status =
		ep_fields_read(&decoded->track.fields, reader, &decoded->arena, &why);
	return status == EP_CORRUPT ? damaged(err, entry->position, why.text)
	       : status == EP_OK    ? EP_OK
	                            : ep_fail(err, status, "%s", why.text);
}

static bool
read_metadata(struct ep_reader *reader, struct ep_decoded *decoded)
{
	struct ep_track *track = &decoded->track;
	uint64_t distinct = ep_read_varint(reader);
	if (!reader->ok || distinct == 0 || distinct > track->count)
		return false;
	struct ep_document *kinds = ep_arena_alloc(&decoded->arena, distinct * sizeof *kinds);
	if (!kinds)
		return false;
	for (size_t i = 0; i < distinct; i++) {
		struct ep_text *texts[METADATA_TEXTS];
		kinds[i] = (struct ep_document){ 0 };
		metadata_of(texts, &kinds[i]);
		for (size_t k = 0; k < METADATA_TEXTS; k++)
			*texts[k] = ep_read_text(reader);
	}
	for (size_t i = 0; i < track->count; i++) {
		uint64_t which = distinct > 1 ? ep_read_varint(reader) : 0;
		if (!reader->ok || which >= distinct)
			return false;
		track->documents[i] = kinds[which];
	}
	return true;
}

static bool
read_numbering(struct ep_reader *reader, struct ep_decoded *decoded)
{
	struct ep_track *track = &decoded->track;
	uint8_t kind = ep_read8(reader);
	if (kind != NUMBERED && kind != NAMED)
		return false;
	for (size_t i = 0; i < track->count; i++) {
		struct ep_text *suffix = &track->documents[i].suffix;
		if (kind == NAMED) {
			*suffix = ep_read_text(reader);
		} else {
			char *text = ep_arena_alloc(&decoded->arena, 16);
			if (!text)
				return false;
			suffix->at = text;
			suffix->size = (size_t)snprintf(text, 16, "-%u", (unsigned)i);
		}
		decoded->codes[i].segment = ep_suffix_segment(*suffix);
	}
	return reader->ok;
}

enum ep_status
ep_entry_rows(struct ep_decoded *decoded, struct ep_bytes *codes, const struct ep_entry *entry,
              struct ep_error *err)
{
	ep_arena_reset(&decoded->arena);
	struct ep_reader reader = ep_reader_of(entry->rest.at, entry->rest.size);
	size_t count = entry->document_count;
	if (entry->operation != EP_PUT || count > EP_TRACK_DOCUMENTS_MAX)
		return damaged(err, entry->position, "it has no documents, or too many");
	struct ep_track *track = &decoded->track;
	track->id = entry->id;
	track->count = count;
	track->documents = ep_arena_alloc(&decoded->arena, count * sizeof *track->documents);
	decoded->codes = ep_arena_alloc(&decoded->arena, count * sizeof *decoded->codes);
	if (!track->documents || !decoded->codes)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu documents", count);
	EP_TRY(read_fields(decoded, &reader, entry, err));
	if (!read_metadata(&reader, decoded) || !read_numbering(&reader, decoded))
		return damaged(err, entry->position, "its metadata or numbering is invalid");
	*codes = ep_reader_rest(&reader);
	return EP_OK;
}

enum ep_status
ep_entry_decode(struct ep_decoded *decoded, const struct ep_entry *entry,
                struct ep_codes_coder *coder, struct ep_error *err)
{
	struct ep_bytes codes;
	EP_TRY(ep_entry_rows(decoded, &codes, entry, err));
	size_t count = decoded->track.count;
	enum ep_status status =
		ep_codes_decode(coder, decoded->codes, count, codes.at, codes.size, err);
	if (status != EP_OK) {
		ep_error_prefix(err, "track %.*s at position %llu: ", ep_text_print_size(entry->id),
		                entry->id.at, (unsigned long long)entry->position);
		return status;
	}
	for (size_t i = 0; i < count; i++)
		decoded->track.documents[i].codes = decoded->codes[i].text;
	return EP_OK;
}

enum ep_status
ep_entry_usage(struct ep_codes_usage *usage, const struct ep_entry *entry, struct ep_error *err)
{
	EP_DECODED struct ep_decoded decoded = { 0 };
	struct ep_bytes codes;
	EP_TRY(ep_entry_rows(&decoded, &codes, entry, err));
	return ep_codes_add_usage(usage, decoded.track.count, codes.at, codes.size, err);
}

enum ep_status
ep_entry_join_body(struct ep_buffer *out, struct ep_text id, uint32_t document_count,
                   struct ep_bytes about, struct ep_bytes codes, struct ep_error *err)
{
	EP_TRY(ep_put_text(out, id, err));
	EP_TRY(ep_buffer_varint(out, document_count, err));
	EP_TRY(ep_buffer_append(out, about.at, about.size, err));
	return ep_buffer_append(out, codes.at, codes.size, err);
}

void
ep_decoded_free(struct ep_decoded *decoded)
{
	ep_arena_free(&decoded->arena);
}
