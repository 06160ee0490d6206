#include "catalogue/catalogue_internal.h"

/* Of each text, so much is searched; and of a track. */
#define TEXT_MAX 1024
#define TRACK_MAX 65536

#define TRIM_BYTES ((size_t)64 << 20)

/* Appends a text on a line of its own, unless it is that of the document before. */
static enum ep_status
add_text(struct ep_buffer *out, struct ep_text text, const struct ep_text *before,
         struct ep_error *err)
{
	if (text.size == 0 || out->size >= TRACK_MAX || (before && ep_text_equal(text, *before)))
		return EP_OK;
	size_t size = text.size < TEXT_MAX ? text.size : TEXT_MAX;
	while (size < text.size && size && ((unsigned char)text.at[size] & 0xc0) == 0x80)
		size--; /* not within a character */
	EP_TRY(ep_buffer_append(out, text.at, size, err));
	return ep_buffer_append(out, "\n", 1, err);
}

/* Values of fields; an ISRC with hyphens also as it is without them. */
static enum ep_status
add_fields(struct ep_buffer *out, const struct ep_fields *fields, struct ep_error *err)
{
	for (size_t i = 0; i < fields->count; i++) {
		const struct ep_field *field = &fields->items[i];
		EP_TRY(add_text(out, field->value, NULL, err));
		if (!ep_text_equal(field->key, ep_text_of(EP_FIELD_ISRC)))
			continue;
		for (size_t n = 0; n < field->value.size; n++) {
			if (field->value.at[n] != '-')
				EP_TRY(ep_buffer_append(out, &field->value.at[n], 1, err));
		}
		EP_TRY(ep_buffer_append(out, "\n", 1, err));
	}
	return EP_OK;
}

static enum ep_status
collect(struct ep_buffer *out, struct ep_decoded *decoded, const struct ep_entry *entry,
        struct ep_error *err)
{
	struct ep_bytes codes;
	out->size = 0;
	EP_TRY(ep_entry_rows(decoded, &codes, entry, err));
	const struct ep_track *track = &decoded->track;
	EP_TRY(add_text(out, entry->id, NULL, err));
	for (size_t i = 0; i < track->count; i++) {
		const struct ep_document *row = &track->documents[i];
		const struct ep_document *before = i ? row - 1 : NULL;
		EP_TRY(add_text(out, row->artist, before ? &before->artist : NULL, err));
		EP_TRY(add_text(out, row->release, before ? &before->release : NULL, err));
		EP_TRY(add_text(out, row->track, before ? &before->track : NULL, err));
	}
	return add_fields(out, &track->fields, err);
}

struct adding {
	struct ep_catalogue_db *db;
	struct ep_buffer text;
	struct ep_decoded decoded;
	uint64_t watermark;
	uint64_t rows;
};

static enum ep_status
add_entry(struct adding *adding, const struct ep_entry *entry, struct ep_error *err)
{
	adding->watermark = entry->position;
	if (entry->operation != EP_PUT)
		return EP_OK;
	EP_TRY(collect(&adding->text, &adding->decoded, entry, err));
	adding->rows++;
	return ep_catalogue_db_add(adding->db, entry->position, entry->source,
	                           ep_buffer_text(&adding->text), err);
}

static enum ep_status
add_entries(struct adding *adding, struct ep_log *log, const struct ep_log_read *read, size_t count,
            struct ep_error *err)
{
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	struct ep_entry entry;
	size_t untrimmed = 0;
	EP_TRY(ep_log_cursor_open(&cursor, read, adding->watermark, EP_SOURCE_ANY, err));
	for (; count; count--) {
		enum ep_status status = ep_log_cursor_next(&entry, cursor, err);
		if (status == EP_NOT_FOUND)
			break;
		EP_TRY(status);
		EP_TRY(add_entry(adding, &entry, err));
		ep_log_trim_after(log, &untrimmed, entry.body.size, TRIM_BYTES);
	}
	if (count) {
		struct ep_log_state state;
		ep_log_state(&state, read);
		adding->watermark = state.position; /* no entry stands at the last ones */
	}
	return ep_catalogue_db_set(adding->db, adding->watermark, adding->rows, err);
}

enum ep_status
ep_catalogue_add(struct ep_catalogue_db *db, uint64_t *position, struct ep_log *log,
                 const struct ep_log_read *read, size_t count, struct ep_error *err)
{
	struct adding adding = { .db = db };
	EP_TRY(ep_catalogue_db_begin(db, true, err));
	enum ep_status status = ep_catalogue_db_about(&adding.watermark, &adding.rows, db, err);
	adding.watermark = *position;
	if (status == EP_OK)
		status = add_entries(&adding, log, read, count, err);
	ep_buffer_free(&adding.text);
	ep_decoded_free(&adding.decoded);
	enum ep_status ended =
		ep_catalogue_db_end(db, status == EP_OK, status == EP_OK ? err : NULL);
	if (status == EP_OK && ended == EP_OK)
		*position = adding.watermark;
	return status == EP_OK ? ended : status;
}
